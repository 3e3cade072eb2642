"""Schemas of the bodies that Stock Hub sends, made from the serializers that parse them.

A schema says what the sender writes. Only identifiers are required, as for the readers, and nothing is closed: a field
or a code that is not named here, and a value of another kind, is taken and noted all the same.
"""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiSerializerExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema

from stockhub_webhooks import serializers
from stockhub_webhooks.conf import conf
from stockhub_webhooks.serializers.fields import ItemNumberField, MoneyField, OpenChoiceField, TolerantDateTimeField
from stockhub_webhooks.serializers.tolerant import MessageSerializer, TolerantSerializer

Schema = dict[str, Any]
Direction = Literal["request", "response"]

NUMBER = r"^[0-9A-Za-z][!-~]*$"  # more may be taken; this is what is sent
PAYMENT_REQUEST_NUMBERS = ("purchase_order_increment_id", "order_increment_id")


def component_name(serializer: TolerantSerializer) -> str:
    """Return the name of a serializer's schema; the host may have an `Order` and an `Address` of its own."""
    return f"StockHub{type(serializer).__name__.removesuffix('Serializer')}"


def identifiers(serializer: MessageSerializer) -> list[str]:
    """Return the fields without which a body cannot be read; of a payment request it is one of two."""
    if "increment_id" not in serializer.fields:
        return []
    return ["increment_id", *(["order_increment_id"] if serializer.TOPIC in serializers.NEEDS_ORDER else [])]


class MessageExtension(OpenApiSerializerExtension):
    """The schema of an object in a body."""

    target_class = TolerantSerializer
    match_subclasses = True

    def get_name(self, auto_schema: AutoSchema, direction: Direction) -> str:
        """Return a name that no schema of the host has."""
        return component_name(self.target)

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        """Return the schema of drf-spectacular, with the required fields."""
        schema: Schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        if not isinstance(self.target, MessageSerializer):
            return schema
        properties = schema["properties"]
        if required := identifiers(self.target):
            schema["required"] = required
            for name in required:
                properties[name] = _number(properties[name])
        else:
            schema["anyOf"] = [
                {"required": [name], "properties": {name: _number(properties[name])}}
                for name in PAYMENT_REQUEST_NUMBERS
            ]
        return schema


def _number(described: Schema) -> Schema:
    return {
        "type": "string",
        "maxLength": described["maxLength"],
        "pattern": NUMBER,
        "description": "A number of Stock Hub: nine digits, zeros in front count.",
    }


class MoneyExtension(OpenApiSerializerFieldExtension):
    """An amount, which the sender writes as a JSON number."""

    target_class = MoneyField

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        """Return a number."""
        return {"type": "number", "description": "In the document's currency, VAT included; four decimals are kept."}


class DateTimeExtension(OpenApiSerializerFieldExtension):
    """A point in time. It has no format: shipments write theirs without a T and without a zone."""

    target_class = TolerantDateTimeField

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        """Text."""
        return {
            "type": "string",
            "description": "ISO 8601 with an offset; or `2024-02-20 15:28:51`, "
            f"without one, which is taken for {conf.NAIVE_TIMEZONE}.",
        }


class OpenChoiceExtension(OpenApiSerializerFieldExtension):
    """A code from a set that may grow, so there is no `enum`."""

    target_class = OpenChoiceField

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        """Text, with the known codes."""
        known = ", ".join(f"`{code}`" for code in self.target.known)
        return {
            "type": "string",
            "maxLength": self.target.max_length,
            "description": f"Known are {known}; others are taken, too.",
        }


class ItemNumberExtension(OpenApiSerializerFieldExtension):
    """The number of a returned item, the only one that is a JSON number."""

    target_class = ItemNumberField

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        """Return a number."""
        return {"type": "integer"}
