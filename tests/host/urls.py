"""The addresses of the host."""

from django.contrib import admin
from django.urls import include, path

from stockhub_webhooks.views import ReceiveView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/stockhub/", include("stockhub_webhooks.urls")),
    path("api/v1/stockhub", ReceiveView.as_view()),
    path("api/stockhub/", include("stockhub_webhooks.contrib.rest.urls")),
    path("stockhub/", include("stockhub_webhooks.contrib.metrics.urls")),
]
