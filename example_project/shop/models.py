"""The shop's own orders."""

from django.db import models
from django.db.models.functions import Greatest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class ShopOrder(models.Model):
    """An order of this shop. Stock Hub calls its `number` `po_number`."""

    class State(models.IntegerChoices):
        """States in chronological order, so that a late event never moves an order back."""

        PLACED = 10, _("placed")
        ACCEPTED = 20, _("accepted by Stock Hub")
        SENT = 30, _("sent")
        DELIVERED = 40, _("delivered")
        RETURNING = 50, _("coming back")
        REFUND_PROPOSED = 60, _("refund to be decided")
        REFUNDED = 70, _("refunded")
        CANCELLED = 80, _("cancelled")

    number = models.CharField(_("order number"), max_length=40, unique=True)
    customer_email = models.EmailField(_("customer's e-mail"))
    total = models.DecimalField(_("total"), max_digits=12, decimal_places=2)
    state = models.PositiveSmallIntegerField(_("state"), choices=State, default=State.PLACED)
    stock_hub_status = models.CharField(_("status at Stock Hub"), max_length=40, blank=True)
    tracking = models.TextField(_("parcels"), blank=True)
    invoiced = models.DecimalField(_("invoiced"), max_digits=12, decimal_places=2, null=True, blank=True)
    return_status = models.CharField(_("status of the return"), max_length=40, blank=True)
    refund_proposal = models.DecimalField(_("proposed refund"), max_digits=12, decimal_places=2, null=True, blank=True)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-pk"]

    def __str__(self):
        return self.number

    def get_absolute_url(self):
        return reverse("order", args=[self.number])

    def note(self, *, state=State.PLACED, revive=False, **values):
        """Store the values, and move on to `state` unless the order is in a later state.

        With `revive`, a cancelled order moves on, too. One UPDATE of only these columns, so that receivers that run at
        the same time do not undo each other's work.
        """
        if revive:
            ShopOrder.objects.filter(pk=self.pk, state=self.State.CANCELLED).update(state=state)
        ShopOrder.objects.filter(pk=self.pk).update(state=Greatest("state", models.Value(state)), **values)
