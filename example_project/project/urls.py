"""The shop's addresses; those under api/v1/stockhub/ are the ones to give to Winkelstraat."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/stockhub/", include("stockhub_webhooks.urls")),
]
