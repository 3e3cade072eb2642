"""URL of the metrics.

`path("stockhub/", include("stockhub_webhooks.contrib.metrics.urls"))` adds `GET stockhub/metrics`, with or without a
slash at the end.
"""

from django.urls import re_path

from stockhub_webhooks.contrib.metrics.views import MetricsView

app_name = "stockhub_webhooks_metrics"

urlpatterns = [re_path(r"^metrics/?$", MetricsView.as_view(), name="metrics")]
