"""The page that Prometheus asks for.

path("stockhub/", include("stockhub_webhooks.contrib.metrics.urls")) gives GET stockhub/metrics,
with or without a slash.
"""

from django.urls import re_path

from stockhub_webhooks.contrib.metrics.views import MetricsView

app_name = "stockhub_webhooks_metrics"

urlpatterns = [re_path(r"^metrics/?$", MetricsView.as_view(), name="metrics")]
