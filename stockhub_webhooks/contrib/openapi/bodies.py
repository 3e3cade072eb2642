"""Schemas of the bodies that Stock Hub sends, made from the serializers that parse them.

A schema describes what Stock Hub sends, and is stricter than the parser. The parser accepts and notes unknown fields,
unknown codes and values of another type; only identifiers are required.
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

NUMBER = r"^[0-9A-Za-z][!-~]*$"  # what is sent; the parser accepts more
PAYMENT_REQUEST_NUMBERS = ("purchase_order_increment_id", "order_increment_id")


def component_name(serializer: TolerantSerializer) -> str:
    """Return the name of a serializer's schema; the prefix keeps it apart from the host's own `Order` or `Address`."""
    return f"StockHub{type(serializer).__name__.removesuffix('Serializer')}"


def identifiers(serializer: MessageSerializer) -> list[str]:
    """Return the required fields; none for a payment request, which needs one of `PAYMENT_REQUEST_NUMBERS`."""
    if "increment_id" not in serializer.fields:
        return []
    return ["increment_id", *(["order_increment_id"] if serializer.TOPIC in serializers.NEEDS_ORDER else [])]


class MessageExtension(OpenApiSerializerExtension):
    """Schema of a body, or of an object in it."""

    target_class = TolerantSerializer
    match_subclasses = True

    def get_name(self, auto_schema: AutoSchema, direction: Direction) -> str:
        """Return a name that differs from those of the host's schemas."""
        return component_name(self.target)

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        """Return the schema that drf-spectacular makes, with the required fields added."""
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


def _number(schema: Schema) -> Schema:
    return {
        "type": "string",
        "maxLength": schema["maxLength"],
        "pattern": NUMBER,
        "description": "A number of Stock Hub: nine digits, with leading zeros.",
    }


class MoneyExtension(OpenApiSerializerFieldExtension):
    """Schema of an amount, which is sent as a JSON number."""

    target_class = MoneyField

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        """Return a number."""
        return {
            "type": "number",
            "description": "Amount in the document's currency, VAT included; up to four decimals are kept.",
        }


class DateTimeExtension(OpenApiSerializerFieldExtension):
    """Schema of a time. It has no `format`, because shipments send times without T and without a time zone."""

    target_class = TolerantDateTimeField

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        """Return a text."""
        return {
            "type": "string",
            "description": "ISO 8601 with an offset, or `2024-02-20 15:28:51` without one, "
            f"which is read as {conf.NAIVE_TIMEZONE}.",
        }


class OpenChoiceExtension(OpenApiSerializerFieldExtension):
    """Schema of a code. It has no `enum`, because Stock Hub may add codes."""

    target_class = OpenChoiceField

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        """Return a text, with the known codes in its description."""
        known = ", ".join(f"`{code}`" for code in self.target.known)
        return {
            "type": "string",
            "maxLength": self.target.max_length,
            "description": f"Known codes: {known}. Others are accepted, too.",
        }


class ItemNumberExtension(OpenApiSerializerFieldExtension):
    """Schema of the number of a returned item, the only identifier that is a JSON number."""

    target_class = ItemNumberField

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        """Return a number."""
        return {"type": "integer"}
