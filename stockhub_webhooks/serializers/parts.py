"""What several topics share: the line item, the address, the track."""

from __future__ import annotations

from typing import Any, ClassVar

from stockhub_webhooks.serializers.fields import (
    IdentifierField,
    MoneyField,
    TextField,
    WholeNumberField,
)
from stockhub_webhooks.serializers.reader import Lines, Reader


def text(**kwargs: Any) -> TextField:
    """Text that fits our columns."""
    return TextField(max_length=255, required=False, allow_null=True, **kwargs)


def identifier(max_length: int = 64) -> IdentifierField:
    """A number of Stock Hub."""
    return IdentifierField(max_length=max_length, required=False, allow_null=True)


def whole_number() -> WholeNumberField:
    """A number of pieces."""
    return WholeNumberField(required=False, allow_null=True)


def money() -> MoneyField:
    """An amount in the document's currency, VAT included."""
    return MoneyField(required=False, allow_null=True)


class AddressReader(Reader):
    """An address. The schema says `houseNumber`, every example `house_number`: both are read."""

    ALIASES: ClassVar[dict[str, str]] = {"houseNumber": "house_number"}

    first_name = text()
    last_name = text()
    email = text()
    telephone = text()
    street = text()
    house_number = text()
    postcode = text()
    city = text()
    region_code = text()
    country_id = text()
    company_name = text()


class TrackReader(Reader):
    """A parcel number with its carrier; `tracking_url` is shown as a link only where it is http(s)."""

    tracking_number = identifier(max_length=255)
    carrier = text()
    method = text()
    tracking_url = TextField(required=False, allow_null=True)


class GoodsReader(Reader):
    """What every kind of line says of the article."""

    class Meta:
        list_serializer_class = Lines

    sku = text()
    parent_sku = text()
    manufacturer = text()
    size = text()
    mpn = text()


class PricedLineReader(GoodsReader):
    """A line with prices, a piece and the whole row, VAT included."""

    item_price_inc_tax = money()
    row_total_inc_tax = money()


class LineReader(PricedLineReader):
    """The line of a shipment and of an invoice."""

    qty = whole_number()
