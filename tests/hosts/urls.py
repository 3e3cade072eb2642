"""The addresses of the shop."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("api/v1/stockhub/", include("stockhub_webhooks.urls"))]
if settings.HOST in ("unfold", "jazzmin", "replica", "silk", "cacheops"):
    urlpatterns += [path("admin/", admin.site.urls)]
if settings.HOST == "replica":
    urlpatterns += [path("api/stockhub/", include("stockhub_webhooks.contrib.rest.urls"))]
    urlpatterns += [path("stockhub/", include("stockhub_webhooks.contrib.metrics.urls"))]
if settings.HOST == "silk":
    urlpatterns += [path("silk/", include("silk.urls", namespace="silk"))]
if settings.HOST == "toolbar":
    urlpatterns += [path("__debug__/", include("debug_toolbar.urls"))]


def always(request):
    """Show the toolbar for each request."""
    return True
