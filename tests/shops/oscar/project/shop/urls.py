"""Oscar's pages, Django's admin, and our addresses."""

from django.apps import apps
from django.contrib import admin
from django.urls import include, path

from stockhub_webhooks.views import ReceiveView

urlpatterns = [
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
    path("api/v1/stockhub/", include("stockhub_webhooks.urls")),
    path("api/v1/stockhub", ReceiveView.as_view()),
    path("", include(apps.get_app_config("oscar").urls[0])),
]
