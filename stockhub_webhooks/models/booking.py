"""What receivers have booked of purchases, and the steps that they have finished."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.models.accounts import AccountManager, AccountModel
from stockhub_webhooks.models.base import RowModel
from stockhub_webhooks.models.ledger import ReceiverCall
from stockhub_webhooks.visible import visible

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager
    from typing_extensions import Self

STEP_NAME_LENGTH = 100


def purchase_name(po_number: str | None, increment_id: str) -> str:
    """Return what a purchase is booked under: the shop's own order number, or else Stock Hub's number of the order."""
    return f"po_number:{po_number}" if po_number else f"order:{increment_id}"


class BookedPurchase(AccountModel):
    """A purchase as one receiver has booked it; the row is locked while the receiver works on the purchase.

    Attributes:
        receiver: the identity of the receiver, its `dispatch_uid` or its dotted path.
        purchase: `po_number:` and the shop's own order number, or `order:` and Stock Hub's number of an order without
            one.
    """

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    account: models.CharField[str, str] = ExactCharField(_("account"), max_length=64)
    receiver: models.CharField[str, str] = ExactCharField(_("receiver"), max_length=255)
    purchase: models.CharField[str, str] = ExactCharField(_("purchase"), max_length=270)

    is_complete = False  # True once what was booked for its orders has gone over to it

    if TYPE_CHECKING:
        bookings: RelatedManager[Booking]

    objects: ClassVar[AccountManager[Self]] = AccountManager()

    class Meta:
        verbose_name = _("booked purchase")
        verbose_name_plural = _("booked purchases")
        constraints = [
            models.UniqueConstraint(fields=["purchase", "account", "receiver"], name="stockhub_booked_purchase_once")
        ]

    def __str__(self) -> str:
        return visible(self.purchase.partition(":")[2])


class Booking(RowModel):
    """Pieces of one line of a purchase that a receiver has booked under a key of its own.

    Attributes:
        key: what the receiver counts, such as "sent".
        line: the key of the line, see `purchases.PurchaseLine.key`.
    """

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    booked_purchase: models.ForeignKey[BookedPurchase, BookedPurchase] = models.ForeignKey(
        BookedPurchase, models.CASCADE, related_name="bookings", verbose_name=_("booked purchase")
    )
    key: models.CharField[str, str] = ExactCharField(_("key"), max_length=100)
    line: models.CharField[str, str] = ExactCharField(_("line"), max_length=255)
    pieces: models.IntegerField[int, int] = models.IntegerField(_("pieces"))

    if TYPE_CHECKING:
        booked_purchase_id: int

    class Meta:
        verbose_name = _("booking")
        verbose_name_plural = _("bookings")
        constraints = [models.UniqueConstraint(fields=["booked_purchase", "key", "line"], name="stockhub_booking_once")]

    def __str__(self) -> str:
        return visible(f"{self.key} {self.line}: {self.pieces}")


class FinishedStep(RowModel):
    """A step of a receiver call that is not run again, though the call failed after it; see `event.once`."""

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    call: models.ForeignKey[ReceiverCall, ReceiverCall] = models.ForeignKey(
        ReceiverCall, models.CASCADE, related_name="finished_steps", verbose_name=_("task for our shop")
    )
    name: models.CharField[str, str] = ExactCharField(_("name"), max_length=STEP_NAME_LENGTH)

    if TYPE_CHECKING:
        call_id: int

    class Meta:
        verbose_name = _("finished step")
        verbose_name_plural = _("finished steps")
        constraints = [models.UniqueConstraint(fields=["call", "name"], name="stockhub_finished_step_once")]

    def __str__(self) -> str:
        return visible(self.name)
