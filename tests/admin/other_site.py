"""A host with its own admin site; its users stand for orders, with resolvers that find them."""

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.urls import include, path

from stockhub_webhooks.admin.host_order import StockHubBoxMixin
from stockhub_webhooks.admin.order import OrderAdmin
from stockhub_webhooks.models import Order

User = get_user_model()
site = admin.AdminSite(name="office")
bare_site = admin.AdminSite(name="bare")


class UserAdmin(StockHubBoxMixin, admin.ModelAdmin):
    fields = ("username",)
    stockhub_po_number = "username"


class PlacedAdmin(UserAdmin):
    fields = None
    fieldsets = [("First", {"fields": [("username", "stockhub_box"), "email"]})]

    def stockhub_po_number(self, obj):
        return obj.username


site.register(User, UserAdmin)
site.register(Order, OrderAdmin)
bare_site.register(User, PlacedAdmin)

urlpatterns = [
    path("admin/", admin.site.urls),
    path("office/", site.urls),
    path("bare/", bare_site.urls),
    path("api/v1/stockhub/", include("stockhub_webhooks.urls")),
]


class Found:
    """Order of a shop that is not a Django model."""

    def __init__(self, url):
        self.url = url

    def get_absolute_url(self):
        if self.url is None:
            raise ValueError
        return self.url


def find_user(po_number, order):
    return User.objects.filter(username=po_number).first()


def find_page(po_number, order):
    return Found("/orders/<1>/")


def find_broken(po_number, order):
    return Found(None)


def find_nothing(po_number, order):
    return None


def fail(po_number, order):
    User.objects.create(username="x", pk="not a number")
