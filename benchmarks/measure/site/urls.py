"""The addresses: ours, the baselines' and the peers'."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("admin/", admin.site.urls)]
if settings.WITH_APP:
    urlpatterns += [path("api/v1/stockhub/", include("stockhub_webhooks.urls"))]
if settings.WITH_BASELINES:
    from benchmarks.measure.baselines import nested, views

    urlpatterns += [path("bare", views.bare), path("page", views.page), path("drf", nested.OrderView.as_view())]
if settings.WITH_PEERS:
    urlpatterns += [
        path("stripe/", include("djstripe.urls", namespace="djstripe")),
        path("anymail/", include("anymail.urls")),
    ]
