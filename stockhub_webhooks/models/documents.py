"""What every document, every line and every address has. Contract fields keep the contract's names.

A contract field that is None was null or absent in the message. Money is an amount in the document's
`currency`, VAT included, `subtotal` too. Times are aware.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.db.indexes import BeginningIndex
from stockhub_webhooks.models.accounts import AccountManager, OfAccount


def text(label: Any, **options: Any) -> models.CharField[Any, Any]:
    """Text of the contract."""
    return models.CharField(label, max_length=255, null=True, blank=True, **options)


def money(label: Any) -> models.DecimalField[Any, Any]:
    """An amount in `currency`, VAT included."""
    return models.DecimalField(label, max_digits=15, decimal_places=4, null=True, blank=True)


def timestamp(label: Any, **options: Any) -> models.DateTimeField[Any, Any]:
    """A point in time, as the sender tells it."""
    return models.DateTimeField(label, null=True, blank=True, **options)


def whole_number(label: Any) -> models.IntegerField[Any, Any]:
    """A number of pieces."""
    return models.IntegerField(label, null=True, blank=True)


def address(label: Any) -> models.OneToOneField[Any, Any]:
    """An address row that belongs to this document alone."""
    return models.OneToOneField(
        "stockhub_webhooks.Address", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=label
    )


class Address(models.Model):
    """An address, owned by the one document that points at it."""

    id = models.BigAutoField(primary_key=True)
    first_name = text(_("first name"))
    last_name = text(_("last name"))
    email = text(_("e-mail"))
    telephone = text(_("telephone"))
    street = text(_("street"))
    house_number = text(_("house number"))
    postcode = text(_("postcode"))
    city = text(_("city"))
    region_code = text(_("region"))
    country_id = text(_("country"))
    company_name = text(_("company"))

    class Meta:
        verbose_name = _("address")
        verbose_name_plural = _("addresses")
        indexes = [
            BeginningIndex(fields=["last_name"]),
            BeginningIndex(fields=["email"]),
            BeginningIndex(fields=["postcode"]),
        ]

    def __str__(self) -> str:
        """No personal data: this shows up in logs and error pages. `lines` is the address."""
        return f"{self._meta.verbose_name} {self.pk}"

    @property
    def lines(self) -> list[str]:
        """The address as on an envelope."""
        rows = (
            (self.company_name,),
            (self.first_name, self.last_name),
            (self.street, self.house_number),
            (self.postcode, self.city),
            (self.region_code, self.country_id),
        )
        return [line for line in (" ".join(filter(None, row)) for row in rows) if line]


class Document(OfAccount):
    """Our row for what messages speak of: the state of the newest message that we know."""

    id = models.BigAutoField(primary_key=True)
    account = models.CharField(_("account"), max_length=64)
    increment_id = models.CharField(_("Stock Hub number"), max_length=64)
    po_number = text(_("our order number"))
    received_at = models.DateTimeField(
        _("received at"),
        null=True,
        blank=True,
        db_index=True,
        help_text=_("When the message came in that this state is from."),
    )
    reading_digest = models.CharField(max_length=32, blank=True, editable=False)

    objects = AccountManager()

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(fields=["account", "increment_id"], name="%(app_label)s_%(class)s_number")
        ]
        indexes = [
            models.Index(fields=["po_number"]),
            BeginningIndex(fields=["po_number"]),
            BeginningIndex(fields=["increment_id"]),
        ]

    def __str__(self) -> str:
        return self.increment_id


class OrderDocument(Document):
    """A document of one order. `order` may be a stub, or another one than the documents beside it name."""

    order: models.ForeignKey[Any, Any]

    class Meta(Document.Meta):
        abstract = True

    @property
    def order_increment_id(self) -> str:
        """The contract's name for the order's number."""
        return str(self.order.increment_id)


class Line(models.Model):
    """A line of a document; `position` counts from 0, as in the message."""

    id = models.BigAutoField(primary_key=True)
    position = models.PositiveIntegerField(_("position"), default=0)
    sku = text(_("SKU"))
    parent_sku = text(_("parent SKU"))
    manufacturer = text(_("brand"))
    size = text(_("size"))
    mpn = text(_("MPN"))

    class Meta:
        abstract = True
        ordering = ["position", "pk"]
        indexes = [BeginningIndex(fields=["sku"]), BeginningIndex(fields=["mpn"])]

    def __str__(self) -> str:
        return " ".join(filter(None, (self.sku, self.size))) or str(self.position + 1)


class PricedLine(Line):
    """A line with the price of a piece and of the whole row, in the document's currency, VAT included."""

    item_price_inc_tax = money(_("price"))
    row_total_inc_tax = money(_("row total"))

    class Meta(Line.Meta):
        abstract = True
