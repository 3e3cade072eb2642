"""A database lock with a minimum interval between two owners."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import IntegrityError, OperationalError, models, transaction
from django.db.models import Q
from django.db.models.expressions import Combinable
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import NOW, database_alias, from_now, with_retries
from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.models.base import RowModel


class Lock(RowModel):
    """A named lock. The process that updates its row owns it until the interval is over."""

    name: models.CharField[str, str] = ExactCharField(_("name"), max_length=64, primary_key=True)
    acquired_at: models.DateTimeField[datetime | Combinable, datetime] = models.DateTimeField(
        _("acquired at"), db_column="taken_at"
    )
    claim: models.UUIDField[UUID | None, UUID | None] = models.UUIDField(null=True, editable=False)

    class Meta:
        verbose_name = _("lock")
        verbose_name_plural = _("locks")
        db_table = "stockhub_webhooks_turn"

    def __str__(self) -> str:
        return self.name


def acquire(name: str, seconds: float, claim: UUID | None = None) -> bool:
    """Acquire the lock; return False if it was acquired less than `seconds` ago.

    If the database's answer is lost, the claim shows whether the lock was acquired.
    """
    if claim is None:
        return _acquire(name, seconds, None)
    try:
        return with_retries(partial(_acquire, name, seconds, claim))
    except OperationalError:
        release(name, seconds, claim)
        raise


def _acquire(name: str, seconds: float, claim: UUID | None) -> bool:
    rows = Lock.objects.using(database_alias()).filter(name=name)
    # A timestamp in the future means that the database clock was set back: treat the lock as free.
    is_free = Q(acquired_at__lte=from_now(-seconds)) | Q(acquired_at__gt=from_now(seconds))
    if rows.filter(is_free).update(acquired_at=NOW, claim=claim):
        return True
    former = list(rows.values_list("claim", flat=True))
    if former:
        return claim is not None and former == [claim]
    try:
        with transaction.atomic(using=database_alias()):
            Lock(name=name, acquired_at=NOW, claim=claim).save(using=database_alias(), force_insert=True)
    except IntegrityError:  # another process was first
        return False
    return True


def owners(names: Iterable[str], seconds: float) -> set[UUID | None]:
    """Return the claims of the locks that were acquired less than `seconds` ago, that is, that have an owner."""
    rows = Lock.objects.using(database_alias()).filter(name__in=names, acquired_at__gt=from_now(-seconds))
    return set(rows.values_list("claim", flat=True))


def release(name: str, seconds: float, claim: UUID | None = None) -> None:
    """Release a lock that was acquired with this interval and claim, so that another process can acquire it at once.

    One with a claim is released later if the database does not answer.
    """
    rows = Lock.objects.using(database_alias()).filter(name=name, claim=claim)
    step = partial(rows.update, acquired_at=from_now(-seconds))
    if claim is None:
        step()
    else:
        leases.give_back(step, rows.db)
