"""Where Stock Hub reaches the shop of the recipes."""

from django.urls import include, path

urlpatterns = [path("api/v1/stockhub/", include("stockhub_webhooks.urls"))]
