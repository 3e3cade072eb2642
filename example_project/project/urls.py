"""URLs of the shop; those below api/v1/stockhub/ are for Winkelstraat."""

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.contrib.staticfiles.urls import staticfiles_urlpatterns
from django.urls import include, path
from django.views.generic import DetailView
from shop.models import ShopOrder

from stockhub_webhooks.views import ReceiveView

# a real shop shows an order only to its customer, this one to every user who is logged in
order_page = login_required(DetailView.as_view(model=ShopOrder, slug_field="number"), login_url="admin:login")

urlpatterns = [
    path("admin/", admin.site.urls),
    path("orders/<str:slug>/", order_page, name="order"),
    path("api/v1/stockhub/", include("stockhub_webhooks.urls")),
    path("api/v1/stockhub", ReceiveView.as_view()),  # without the slash, Django would redirect a message and lose it
    *staticfiles_urlpatterns(),  # only with DEBUG
]
