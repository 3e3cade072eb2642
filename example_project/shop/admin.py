"""Admin of the shop's orders, where the staff decides on refunds."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from shop.models import ShopOrder
from stockhub_webhooks.admin.host_order import StockHubBoxMixin


@admin.register(ShopOrder)
class ShopOrderAdmin(StockHubBoxMixin, admin.ModelAdmin):
    list_display = ["number", "state", "total", "stock_hub_status", "return_status", "refund_proposal"]
    list_filter = ["state"]
    search_fields = ["number", "customer_email", "tracking"]
    actions = ["mark_refunded"]

    @admin.action(description=_("I have paid the proposed refund"), permissions=["change"])
    def mark_refunded(self, request, orders):
        proposed = orders.filter(state=ShopOrder.State.REFUND_PROPOSED)
        count = proposed.update(state=ShopOrder.State.REFUNDED)
        self.message_user(request, _("%(count)s orders refunded.") % {"count": count})
