"""Base classes of documents and their lines, the address, and the field types that they share.

Contract fields keep the contract's names. None means that no message has given a value. Money is an amount in
the document's `currency`, VAT included, `subtotal` too. Times are aware.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.db.fields import ExactCharField, KeyField
from stockhub_webhooks.db.indexes import BeginningIndex, NotNullIndex
from stockhub_webhooks.models import search_keys
from stockhub_webhooks.models.accounts import AccountManager, AccountModel
from stockhub_webhooks.models.base import RowModel
from stockhub_webhooks.models.host_objects import find_host_line, find_host_order
from stockhub_webhooks.visible import visible

if TYPE_CHECKING:
    from typing_extensions import Self

    from stockhub_webhooks.models.order import Order


def text(label: Any, **options: Any) -> models.CharField[str | None, str | None]:
    """Return a nullable field for text that people read: the contract tells null and "" apart."""
    return models.CharField(label, max_length=255, null=True, blank=True, **options)


def code(label: Any, **options: Any) -> models.CharField[str | None, str | None]:
    """Return a nullable field for a number or a code, which rows are found by."""
    return ExactCharField(label, max_length=255, null=True, blank=True, **options)


def money(label: Any) -> models.DecimalField[Decimal | None, Decimal | None]:
    """Return a nullable field for an amount in `currency`, VAT included; Magento keeps four decimals."""
    return models.DecimalField(label, max_digits=15, decimal_places=4, null=True, blank=True)


def timestamp(label: Any, **options: Any) -> models.DateTimeField[datetime | None, datetime | None]:
    """Return a nullable field for an aware time by the sender's clock."""
    return models.DateTimeField(label, null=True, blank=True, **options)


def whole_number(label: Any) -> models.IntegerField[int | None, int | None]:
    """Return a nullable field for a number of pieces."""
    return models.IntegerField(label, null=True, blank=True)


def search_key() -> models.CharField[str | None, str | None]:
    """Return a nullable field for a normalised text that is searched by its beginning."""
    return KeyField(max_length=search_keys.KEY_LENGTH, null=True, editable=False)


def address(label: Any) -> models.OneToOneField[Address | None, Address | None]:
    """Return a nullable relation to an address row that belongs to this document alone."""
    return models.OneToOneField(
        "stockhub_webhooks.Address", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=label
    )


class ExtraField(models.JSONField):
    """JSON object; NULL, which code of before this column leaves, is read as {}."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Return the object."""
        loaded = super().from_db_value(value, expression, connection)
        return {} if loaded is None else loaded


class Address(RowModel):
    """An address, owned by the one document that points at it.

    Attributes:
        email: may be masked or shared by many customers; it does not identify a person.
        country_id: the ISO 3166 alpha-2 code, such as "NL".
    """

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
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
    # see `search_keys`
    search: models.TextField[str | None, str | None] = models.TextField(null=True, editable=False)
    surname_key = search_key()
    second_surname_key = search_key()
    telephone_key = search_key()
    street_key = search_key()
    # True until the worker has set the keys: of rows of before, and of those that other code wrote
    keys_due: models.BooleanField[bool | None, bool | None] = models.BooleanField(
        null=True, default=True, db_default=True, editable=False
    )

    class Meta:
        verbose_name = _("address")
        verbose_name_plural = _("addresses")
        indexes = [
            BeginningIndex(fields=["last_name"]),
            BeginningIndex(fields=["email"]),
            BeginningIndex(fields=["postcode"]),
            models.Index(fields=["surname_key"], name="stockhub_address_surname"),
            models.Index(fields=["second_surname_key"], name="stockhub_address_second"),
            models.Index(fields=["telephone_key"], name="stockhub_address_telephone"),
            models.Index(fields=["street_key"], name="stockhub_address_street"),
            NotNullIndex(fields=["keys_due", "id"], name="stockhub_address_keys_due"),
        ]

    def __str__(self) -> str:
        """Return no personal data, since this text appears in logs and error pages; see `lines`."""
        return f"{self._meta.verbose_name} {self.pk}"

    def set_search_keys(self) -> list[str]:
        """Set the columns that the address is searched by, without saving it; return the names of those that differ."""
        keys: dict[str, Any] = {**search_keys.of_address(self), "keys_due": None}
        changed = [name for name, value in keys.items() if getattr(self, name) != value]
        for name in changed:
            setattr(self, name, keys[name])
        return changed

    def save(self, *args: Any, **options: Any) -> None:
        """Set the search keys, too."""
        changed = self.set_search_keys()
        if (update_fields := options.get("update_fields")) is not None:
            options["update_fields"] = [*update_fields, *changed]
        super().save(*args, **options)

    @property
    def lines(self) -> list[str]:
        """The address as on an envelope, without empty lines."""
        rows = (
            (self.company_name,),
            (self.first_name, self.last_name),
            (self.street, self.house_number),
            (self.postcode, self.city),
            (self.region_code, self.country_id),
        )
        return [line for line in (" ".join(filter(None, row)) for row in rows) if line]


class Document(AccountModel):
    """Base class of documents: the newest known state of an order, shipment, invoice, return and so on.

    Attributes:
        increment_id: Stock Hub's number, unique for each account and kind of document. It is text: leading zeros count.
        po_number: the shop's own order number (`po_number` of the contract).
        received_at: when the message of this state was received, aware.
        extra: the fields that this version does not know, by name: a new field of Stock Hub can be used on the day it
            appears. Unknown fields of an address are under the address's name; those of the items are a list under
            `items`, each with the item's `id`, `sku` and `size`. Numbers that a float would change are texts. A field
            that a later message leaves out stays. A change of unknown fields alone is no effect: no signal is sent.
            Treat it as personal data.
    """

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    account: models.CharField[str, str] = ExactCharField(_("account"), max_length=64)
    increment_id: models.CharField[str, str] = ExactCharField(_("Stock Hub number"), max_length=64)
    po_number = code(_("our order number"))
    received_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        _("received at"),
        null=True,
        blank=True,
        db_index=True,
        help_text=_("When the message came in that this state is from."),
    )
    extra: models.JSONField[dict[str, Any], dict[str, Any]] = ExtraField(
        _("unknown fields"), default=dict, null=True, blank=True, editable=False
    )
    # ParsedMessage.digest of the message that was applied last: an equal one has no effect
    reading_digest: models.CharField[str, str] = ExactCharField(max_length=32, blank=True, editable=False)

    objects: ClassVar[AccountManager[Self]] = AccountManager()

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
        return visible(self.increment_id)

    @cached_property
    def host_order(self) -> Any:
        """Return the shop's own order, looked up once by `HOST_ORDER_RESOLVER`; None if it finds none, or fails."""
        order = getattr(self, "order", self)
        return find_host_order(self.po_number or (order.po_number if order else None), order).host_object


class OrderDocument(Document):
    """Base class of documents that always name an order.

    The contract promises no sequence: `order` may be a stub, and related documents may name different orders.
    """

    order: models.ForeignKey[Order, Order]

    if TYPE_CHECKING:
        order_id: int

    class Meta(Document.Meta):
        abstract = True

    @property
    def order_increment_id(self) -> str:
        """Stock Hub's number of the order, under the contract's name."""
        return self.order.increment_id


class Line(RowModel):
    """Base class of lines: the article, and the position in the message, counted from 0.

    Attributes:
        sku: the article's number at Winkelstraat.
        parent_sku: the number that all sizes of the article share.
        manufacturer: the brand.
        mpn: the manufacturer's part number.
    """

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    position: models.PositiveIntegerField[int, int] = models.PositiveIntegerField(_("position"), default=0)
    sku = code(_("SKU"))
    parent_sku = code(_("parent SKU"))
    manufacturer = text(_("brand"))
    size = code(_("size"))
    mpn = code(_("MPN"))

    class Meta:
        abstract = True
        ordering = ["position", "pk"]
        indexes = [BeginningIndex(fields=["sku"]), BeginningIndex(fields=["mpn"])]

    def __str__(self) -> str:
        return visible(" ".join(filter(None, (self.sku, self.size)))) or str(self.position + 1)

    @property
    def document(self) -> Document:
        """The document of the line."""
        parent = next(field for field in self._meta.concrete_fields if field.is_relation)
        document: Document = getattr(self, parent.name)
        return document

    @cached_property
    def host_line(self) -> Any:
        """Return the shop's own order line, looked up once by `HOST_LINE_RESOLVER`; None if it finds none, or fails."""
        return find_host_line(self, self.document.host_order).host_object


class PricedLine(Line):
    """Base class of lines with a price for one piece and for the row, in the document's currency, VAT included."""

    item_price_inc_tax = money(_("price"))
    row_total_inc_tax = money(_("row total"))

    class Meta(Line.Meta):
        abstract = True
