"""Where Stock Hub reaches the shop of the recipes."""

from django.urls import include, path

from stockhub_webhooks.views import ReceiveView

urlpatterns = [
    path("api/v1/stockhub/", include("stockhub_webhooks.urls")),
    path("api/v1/stockhub", ReceiveView.as_view()),
]
