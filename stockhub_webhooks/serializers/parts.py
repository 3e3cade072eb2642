"""Serializers and fields that several topics share: the line, the address, the track."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from stockhub_webhooks.serializers.fields import (
    IdentifierField,
    MoneyField,
    NaturalKeyField,
    OpenChoiceField,
    StreetField,
    TextField,
    TolerantDateTimeField,
    WholeNumberField,
)
from stockhub_webhooks.serializers.tolerant import LineListSerializer, TolerantSerializer


def text(**kwargs: Any) -> TextField:
    """Return a field for text of at most 255 characters, as in the tables."""
    return TextField(max_length=255, required=False, allow_null=True, **kwargs)


def identifier(max_length: int = 64) -> IdentifierField:
    """Return a field for a Stock Hub number."""
    return IdentifierField(max_length=max_length, required=False, allow_null=True)


def key(max_length: int = 255) -> NaturalKeyField:
    """Return a field for text that a row is known by."""
    return NaturalKeyField(max_length=max_length, required=False, allow_null=True)


def whole_number() -> WholeNumberField:
    """Return a field for a number of pieces."""
    return WholeNumberField(required=False, allow_null=True)


def money() -> MoneyField:
    """Return a field for an amount in the document's currency, VAT included."""
    return MoneyField(required=False, allow_null=True)


def timestamp() -> TolerantDateTimeField:
    """Return a field for an aware time."""
    return TolerantDateTimeField(required=False, allow_null=True)


def open_choice(known: Mapping[str, object]) -> OpenChoiceField:
    """Return a field for a code of an open set."""
    return OpenChoiceField(known, max_length=255, required=False, allow_null=True)


class MessageAddressSerializer(TolerantSerializer):
    """An address. The contract's schema says `houseNumber`, its examples say `house_number`: both are read."""

    DOCUMENTED_SPELLINGS: ClassVar[frozenset[str]] = frozenset({"houseNumber"})

    first_name = text()
    last_name = text()
    email = text()
    telephone = text()
    street = StreetField(max_length=255, required=False, allow_null=True)
    house_number = text()
    postcode = text()
    city = text()
    region_code = text()
    country_id = text()
    company_name = text()


class TrackListSerializer(LineListSerializer):
    """The tracks of a document: one object in the contract; a list, a keyed object and a bare number are read, too."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, (str, int)) and not isinstance(data, bool):
            data = [{"tracking_number": data}]
        elif isinstance(data, list):
            data = [{"tracking_number": entry} if isinstance(entry, (str, int)) else entry for entry in data]
        return super().to_internal_value(data)


class MessageTrackSerializer(TolerantSerializer):
    """A tracking number with its carrier. `tracking_url` is not checked here; see `Track.safe_tracking_url`."""

    class Meta:
        list_serializer_class = TrackListSerializer

    ALIASES: ClassVar[dict[str, str]] = {
        "track_number": "tracking_number",
        "number": "tracking_number",
        "carrier_code": "carrier",
        "url": "tracking_url",
        "tracking_link": "tracking_url",
    }

    tracking_number = key(max_length=255)
    carrier = text()
    method = text()
    tracking_url = TextField(required=False, allow_null=True)


class MessageGoodsSerializer(TolerantSerializer):
    """Base class of lines: the fields of the article."""

    class Meta:
        list_serializer_class = LineListSerializer

    sku = key()
    parent_sku = text()
    manufacturer = text()
    size = key()
    mpn = text()


class MessagePricedLineSerializer(MessageGoodsSerializer):
    """Base class of lines with a price for one piece and for the row, VAT included."""

    item_price_inc_tax = money()
    row_total_inc_tax = money()


class MessageLineSerializer(MessagePricedLineSerializer):
    """A line of a shipment or of an invoice."""

    qty = whole_number()
