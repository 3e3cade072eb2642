"""The page that Prometheus asks for.

path("stockhub/metrics", include("stockhub_webhooks.metrics.urls"))
"""

from django.urls import re_path

from stockhub_webhooks.metrics.views import MetricsView

app_name = "stockhub_webhooks_metrics"

urlpatterns = [re_path(r"^/?$", MetricsView.as_view(), name="metrics")]
