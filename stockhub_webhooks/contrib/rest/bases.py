"""Base classes of the REST serializers: types of fields, personal columns, and lists that go on."""

from __future__ import annotations

from datetime import timezone
from typing import Any, ClassVar

from django.db import models
from rest_framework import serializers

from stockhub_webhooks.models import Document
from stockhub_webhooks.models.personal import personal_columns
from stockhub_webhooks.office.access import may_see_persons

SHOWN = "shown_"  # prefix of the attribute with the entries of a list that are shown, and one more


class UTCDateTimeField(serializers.DateTimeField):
    """Time in UTC, whatever the host's time zone is."""

    def __init__(self, **options: Any) -> None:
        super().__init__(default_timezone=timezone.utc, format="iso-8601", **options)


class AmountField(serializers.DecimalField):
    """Amount in the document's currency, VAT included; always text, whatever the host's settings are."""

    def __init__(self, **options: Any) -> None:
        super().__init__(coerce_to_string=True, localize=False, **options)


class ReadOnlySerializer(serializers.ModelSerializer[Any]):
    """Base class of serializers whose fields are all read-only."""

    serializer_field_mapping: ClassVar[Any] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: UTCDateTimeField,
        models.DecimalField: AmountField,
    }

    def get_fields(self) -> dict[str, Any]:
        """Make all fields read-only."""
        fields = super().get_fields()
        for field in fields.values():
            field.read_only = True
        return fields

    def to_representation(self, instance: Any) -> Any:
        """Replace the values of personal columns by None if the user may not see personal data."""
        shown = super().to_representation(instance)
        if not may_see_persons(self.context.get("request")):
            personal = personal_columns(type(instance))
            shown |= {name: None for name, field in self.fields.items() if field.source in personal}
        return shown


class DocumentSerializer(ReadOnlySerializer):
    """Base class of documents; `extra` has the fields that this version does not know."""

    extra = serializers.DictField(allow_null=True)
    cut = serializers.SerializerMethodField(
        help_text="The lists that go on; `lines_from` and `documents_from` show more of them."
    )

    def get_cut(self, row: Document) -> list[str]:
        """Return the names of the lists that have more entries than are shown."""
        lists = (name for name, field in self.fields.items() if isinstance(field, serializers.ListSerializer))
        return [name for name in lists if len(getattr(row, SHOWN + name)) > self.limit]

    def get_fields(self) -> dict[str, Any]:
        """Take the lists from the attributes that hold their chosen entries."""
        fields = super().get_fields()
        for name, field in fields.items():
            if isinstance(field, serializers.ListSerializer):
                field.source = SHOWN + name
        return fields

    @property
    def limit(self) -> int:
        """The number of entries that are shown of a list."""
        limit: int = self.context["view"].parts.limit
        return limit

    def to_representation(self, instance: Document) -> Any:
        """Return the document without the entries that are beyond the limit."""
        shown = super().to_representation(instance)
        return shown | {name: shown[name][: self.limit] for name in shown["cut"]}
