"""Base class of all models. Rows are read from the database that they are written to, whatever the host's routers say.

A read replica may be behind: a receiver that runs right after the commit would see the former state, also through
related managers, prefetches and deferred fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from django.db import models

from stockhub_webhooks.db.connections import database_alias

if TYPE_CHECKING:
    from typing_extensions import Self

Row = TypeVar("Row", bound=models.Model)


class RowQuerySet(models.QuerySet[Row]):
    """Base queryset of our rows; `using` still names another database."""

    @property
    def db(self) -> str:
        """The alias of the database that is asked."""
        return self._db or database_alias()  # type: ignore[attr-defined]  # which the stubs leave out


class RowManager(models.Manager[Row]):
    """Base manager of our rows.

    Written out, since type checkers without Django's mypy plugin cannot follow `Manager.from_queryset`.
    """

    def get_queryset(self) -> RowQuerySet[Row]:
        """Return a queryset that reads where we write."""
        return RowQuerySet(self.model, using=self._db)


class RowModel(models.Model):
    """Base class of our models."""

    objects: ClassVar[RowManager[Self]] = RowManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"  # of related objects and deferred fields; subclasses inherit it
