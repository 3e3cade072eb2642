"""Notes on the page "order story": the form, the entries of the timeline, and the two actions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from stockhub_webhooks.admin import display
from stockhub_webhooks.admin.document import DocumentAdmin
from stockhub_webhooks.admin.story import phrases
from stockhub_webhooks.admin.story.links import Links, story_url
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Note, Order
from stockhub_webhooks.models.notes import MAX_TEXT
from stockhub_webhooks.office import notes
from stockhub_webhooks.office.access import may
from stockhub_webhooks.office.story import PurchaseStory
from stockhub_webhooks.office.story.timeline import Span

NOTE = "stockhub_webhooks_order_note"
SHOWN = 50  # notes on a page of the timeline


class NoteForm(forms.Form):
    """Form for a note."""

    text = forms.CharField(
        label=gettext_lazy("Note"),
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"class": "vLargeTextField", "rows": 3}),
        help_text=gettext_lazy("Colleagues see it here, with your name and the time. It cannot be changed."),
    )


@dataclass(frozen=True)
class NoteEntry:
    """A note in the timeline as the template shows it.

    Attributes:
        pk: for the button that withdraws it; None if the user may not.
        text: the lines of the text, the first line only says that it is hidden if the user may not see it.
    """

    at: datetime
    by: str
    lines: list[Any]
    is_withdrawn: bool
    pk: int | None
    is_note: bool = True


class NotesPage(DocumentAdmin):
    """Adds to the admin of orders the two actions on notes; the story shows the form and the notes."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("<path:object_id>/note/", view(self.note_view), name=NOTE),
            path("<path:object_id>/note/withdraw/", view(self.withdraw_view), name=f"{NOTE}_withdraw"),
            *super().get_urls(),
        ]

    def may_write_note(self, request: HttpRequest) -> bool:
        """Check a permission of its own."""
        return may(request, "write_note")

    def note_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Write a note about the purchase of the order."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        order = self._order(request, object_id)
        form = NoteForm(request.POST)
        if not form.is_valid():
            self.message_user(request, " ".join(map(str, form.errors["text"])), messages.ERROR)
            return self._back(order)
        with transaction.atomic(using=database_alias()):
            notes.write(order, form.cleaned_data["text"], request.user)
            _log(request, order, _("wrote a note"))
        self.message_user(request, _("The note is in the timeline."), messages.SUCCESS)
        return self._back(order)

    def withdraw_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Withdraw a note of the user's own."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        order = self._order(request, object_id)
        with transaction.atomic(using=database_alias()):
            is_withdrawn = notes.withdraw(request.POST.get("note", ""), order, request.user)
            if is_withdrawn:
                _log(request, order, _("withdrew a note"))
        if is_withdrawn:
            self.message_user(request, _("The note is withdrawn."), messages.SUCCESS)
        else:
            self.message_user(request, _("Only the author can withdraw a note, and only once."), messages.WARNING)
        return self._back(order)

    def notes_context(self, request: HttpRequest, order: Order) -> dict[str, Any]:
        """Return what the template needs for the form."""
        if not self.may_write_note(request):
            return {}
        return {
            "note_form": NoteForm(auto_id="stockhub-note-%s"),
            "note_url": self.page_url(NOTE, order.pk),
            "withdraw_url": self.page_url(f"{NOTE}_withdraw", order.pk),
        }

    def _order(self, request: HttpRequest, object_id: str) -> Order:
        order: Order | None = self.get_object(request, object_id)
        if not (self.may_write_note(request) and self.has_view_permission(request, order)):
            raise PermissionDenied
        if order is None:
            raise Http404
        return order

    def _back(self, order: Order) -> HttpResponse:
        return HttpResponseRedirect(f"{story_url(self.admin_site, order)}#stockhub-history")


def with_notes(
    entries: list[Any], purchase: PurchaseStory, span: Span, links: Links, *, persons: bool, newest_first: bool
) -> tuple[list[Any], list[Any]]:
    """Return the entries of a page of the timeline with its notes among them, and what says that some are left out."""
    rows = notes.notes_of(purchase, span)
    found = list(rows[: SHOWN + 1])
    more = display.more(rows.count() - SHOWN if len(found) > SHOWN else 0, links.list_url(Note, purchase.po_number))
    own = list(_entries(found[:SHOWN], links.request, persons))
    mixed = sorted(chain(entries, own), key=lambda entry: entry.at, reverse=newest_first)
    return mixed, more


def _entries(rows: list[Note], request: HttpRequest, persons: bool) -> Iterator[NoteEntry]:
    user: Any = request.user
    may_write = may(request, "write_note")
    for note in rows:
        is_own = note.written_by_pk == str(user.pk)
        yield NoteEntry(
            at=note.written_at,
            by=note.written_by,
            lines=note.text.splitlines() if persons or is_own else [phrases.HIDDEN],
            is_withdrawn=note.withdrawn_at is not None,
            pk=note.pk if is_own and may_write and note.withdrawn_at is None else None,
        )


def _log(request: HttpRequest, order: Order, what: str) -> None:
    """Write to Django's admin log that there was a note; its text is in the note alone."""
    user: Any = request.user
    LogEntry.objects.log_actions(user.pk, [order], CHANGE, what, single_object=True)
