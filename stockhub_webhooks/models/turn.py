"""What one process at a time does, and not too often."""

from __future__ import annotations

from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.db.connections import NOW, alias, from_now


class Turn(models.Model):
    """What one process at a time does, and not too often: whoever changes the row has the turn."""

    name = models.CharField(_("name"), max_length=64, primary_key=True)
    taken_at = models.DateTimeField(_("last at"))

    class Meta:
        verbose_name = _("turn")
        verbose_name_plural = _("turns")

    def __str__(self) -> str:
        return self.name


def take_turn(name: str, seconds: float) -> bool:
    """Whether this process is the one that does it now; at most one in so many seconds is."""
    rows = Turn.objects.using(alias()).filter(name=name)
    # one far ahead was taken before the database's clock was set back: nobody would look until then
    is_free = Q(taken_at__lte=from_now(-seconds)) | Q(taken_at__gt=from_now(seconds))
    if rows.filter(is_free).update(taken_at=NOW):
        return True
    if rows.exists():
        return False
    try:
        with transaction.atomic(using=alias()):
            Turn(name=name, taken_at=NOW).save(using=alias(), force_insert=True)
    except IntegrityError:  # another process was first
        return False
    return True


def give_back(name: str, seconds: float) -> None:
    """Let the next one take the turn at once, which was taken for at most so many seconds."""
    Turn.objects.using(alias()).filter(name=name).update(taken_at=from_now(-seconds))
