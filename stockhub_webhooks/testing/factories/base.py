"""Base class of the factories whose rows have numbers or names of their own."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, TypeVar

from django.db import DatabaseError, models
from factory.django import DjangoModelFactory

from stockhub_webhooks.db.connections import database_alias

M = TypeVar("M", bound=models.Model)


class NumberedFactory(DjangoModelFactory[M]):
    """Factory whose numbers begin after those of the rows that are there, which may be of another process."""

    class Meta:
        abstract = True

    @classmethod
    def _setup_next_sequence(cls) -> int:
        """Return the first number; 0 for a factory that builds rows without a database."""
        model: Any = cls._meta.model
        rows = model._default_manager.using(database_alias())
        names = [name for name in ("id", "increment_id") if name in {field.name for field in model._meta.fields}]
        # pytest-django and Django's SimpleTestCase raise these where a test may not use the database
        with suppress(DatabaseError, RuntimeError, AssertionError):
            greatest = rows.aggregate(models.Count("pk"), *map(models.Max, names))
            return max(_number(value) for value in greatest.values())
        return 0


def _number(value: Any) -> int:
    digits = re.match(r"\d+", str(value))
    return int(digits[0]) if digits else 0
