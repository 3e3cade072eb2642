"""Admin of the stored messages from Stock Hub."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.defaultfilters import filesizeformat
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_safe

from stockhub_webhooks.admin import display, labels, list_filters, related_activity, search_box
from stockhub_webhooks.admin.base import ObjectTools
from stockhub_webhooks.admin.body_text import pretty
from stockhub_webhooks.admin.bulk_start import propose
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.admin.dismiss_page import DismissPage
from stockhub_webhooks.admin.entry import EntryPage, is_correctable, notes_table, text_of
from stockhub_webhooks.admin.keys_page import KeysPage
from stockhub_webhooks.admin.list_filters import MessageAttentionFilter
from stockhub_webhooks.admin.long_parts import parts_of
from stockhub_webhooks.admin.replay_request import MAX_IDS, URL_NAME
from stockhub_webhooks.admin.sites import address, may_view
from stockhub_webhooks.contract import statuses
from stockhub_webhooks.models import BulkRequest, Drift, Event, Message, ReceiverCall
from stockhub_webhooks.models.message import OUTDATED_RETURN, MessageQuerySet
from stockhub_webhooks.office.access import may, may_see_persons
from stockhub_webhooks.receiving.dismissal import CORRECTED_FROM

BODY_URL_NAME = "stockhub_webhooks_message_body"


@admin.register(Message)
class MessageAdmin(KeysPage, DismissPage, EntryPage):
    """Admin of messages: each accepted POST with its outcome, remarks, events and receiver calls."""

    list_display = ("received_at", "topic", "increment_id", "status", "outcome", "remarks")
    list_filter = (
        MessageAttentionFilter,
        "status",
        list_filters.OutcomeFilter,
        "topic",
        ("received_at", DateRangeFilter),
        "source",
        list_filters.BulkFilter,
    )
    deferred_fields = ("body", "headers")
    linked_parameters = ("cause__exact",)
    actions = ("process_again", "process_outdated", "dismiss")
    help_texts = {"due_at": _("When it is processed next; empty if it was.")}
    personal_fields = {
        "content": "",
        "why": "why_without_text",
        "dismissed_because": "dismissed_because_without_text",
    }
    fieldsets = (
        (
            None,
            {
                "fields": [
                    ("received_at", "topic", "increment_id", "document"),
                    "account",
                    "corrected_from",
                    "corrected_as",
                    "part_of",
                ]
            },
        ),
        (
            _("What became of it"),
            {
                "fields": [
                    ("status", "outcome", "in_part", "applied_at", "replayed"),
                    ("dismissed_because", "dismissed_by", "dismissed_at"),
                    "why",
                    "notes_in_words",
                ]
            },
        ),
        (_("What happened"), {"fields": ["parts", "events", "receiver_calls"]}),
        (
            _("For the developer"),
            {
                "classes": ["collapse"],
                "fields": [
                    ("source", "entered_by", "url_topic", "remote_address", "key_fingerprint"),
                    ("attempts", "due_at", "uid"),
                    "headers_listed",
                ],
            },
        ),
        (_("The message itself"), {"fields": ["body_removed_at", "content"]}),
    )

    def title_of(self, row: Message) -> str:
        """Return the topic, the number of the document, and the time of receipt."""
        document = f"{row.get_topic_display()} {row.increment_id}".strip()
        return ", ".join(filter(None, (document, display.value(row.received_at))))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave out the fields that do not apply to the message."""
        is_dismissed = obj is not None and obj.status == Message.Status.DISMISSED
        applies: dict[Any, bool] = {
            "corrected_from": obj is not None and CORRECTED_FROM in obj.headers,
            "part_of": obj is not None and obj.parent_id is not None,
            "corrected_as": obj is not None and obj.successor_id is not None,
            ("dismissed_because", "dismissed_by", "dismissed_at"): is_dismissed,
            ("dismissed_because_without_text", "dismissed_by", "dismissed_at"): is_dismissed,
            "parts": obj is not None and obj.outcome == Message.Outcome.SPLIT,
            "body_removed_at": obj is not None and obj.body_removed_at is not None,
            "content": obj is None or obj.body_removed_at is None,
        }
        applies |= dict.fromkeys(("events", "receiver_calls"), not applies["parts"])
        return [
            (title, {**options, "fields": [name for name in options["fields"] if applies.get(name, True)]})
            for title, options in super().get_fieldsets(request, obj)
        ]

    def changelist_object_tools(self, request: HttpRequest) -> ObjectTools:
        """Link to drift, also on the overview."""
        own = [(address(request, "stockhub_webhooks_drift_changelist"), _("drift"))] if may_view(request, Drift) else []
        return [*super().changelist_object_tools(request), *own]

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        return search_box.about(request, text)

    # ------------------------------------------------------------ columns and lines

    @admin.display(description=_("remarks"))
    def remarks(self, message: Message) -> Any:
        """Return the number of notes."""
        return len(message.notes) or display.EMPTY

    @admin.display(description=_("document"))
    def document(self, message: Message) -> Any:
        return related_activity.document_link(message)

    @admin.display(description=_("corrected from"))
    def corrected_from(self, message: Message) -> Any:
        uid = message.headers[CORRECTED_FROM]
        original = Message.objects.filter(uid=uid).first()
        return display.page(original, self.title_of(original)) if original else uid

    @admin.display(description=_("corrected as"))
    def corrected_as(self, message: Message) -> Any:
        """Return a link to the corrected copy, and its outcome."""
        copy = message.successor
        if copy is None:
            return display.EMPTY
        return format_html("{}: {}", display.page(copy, self.title_of(copy)), labels.result(copy))

    @admin.display(description=_("part of"))
    def part_of(self, message: Message) -> Any:
        """Return a link to the message that held this document among others."""
        return display.page(message.parent, self.title_of(message.parent)) if message.parent else display.EMPTY

    @admin.display(description=_("documents"))
    def parts(self, message: Message) -> Any:
        """Return a table of the messages that this one was split into."""
        parts = message.parts.defer("body", "headers").order_by("position")
        return parts_of(message).table(
            "documents",
            (_("document"), _("outcome")),
            parts,
            lambda part: (display.page(part, str(part)), labels.result(part)),
        )

    @admin.display(description=_("processed again"))
    def replayed(self, message: Message) -> str:
        return labels.yes_or_no(message.is_replay)

    @admin.display(description=_("reason"))
    def dismissed_because(self, message: Message) -> str:
        return statuses.label(labels.DISMISSALS, message.dismissed_reason) or display.EMPTY

    @admin.display(description=_("reason"))
    def dismissed_because_without_text(self, message: Message) -> str:
        """Return a known reason; a person's words may name a customer."""
        return str(labels.DISMISSALS.get(message.dismissed_reason, _("not shown")))

    @admin.display(description=_("applied in part"))
    def in_part(self, message: Message) -> str:
        """Return whether a part was left out, and whether a person corrected that."""
        return (
            gettext("yes, corrected since")
            if message.is_in_part is False
            else labels.yes_or_no(bool(message.is_in_part))
        )

    @admin.display(description=_("error"))
    def why(self, message: Message) -> str:
        """Return the text of the error, with its details."""
        return labels.error(message) or display.EMPTY

    @admin.display(description=_("error"))
    def why_without_text(self, message: Message) -> str:
        """Return a known reason, or only the type of the error, because its text may contain personal data."""
        is_known = message.error.partition(":")[0] in labels.REASONS
        return (labels.error(message) if is_known else labels.error_type(message.error)) or display.EMPTY

    @admin.display(description=_("remarks"))
    def notes_in_words(self, message: Message) -> Any:
        """Return a table of the notes, each with its path in the body."""
        return notes_table(message.notes)

    @admin.display(description=Event._meta.verbose_name_plural)
    def events(self, message: Message) -> Any:
        return related_activity.events(message.events.all(), message.increment_id)

    @admin.display(description=ReceiverCall._meta.verbose_name_plural)
    def receiver_calls(self, message: Message) -> Any:
        calls = ReceiverCall.objects.filter(event__message=message)
        return related_activity.receiver_calls(calls, message.increment_id)

    @admin.display(description=_("body"))
    @sensitive_variables()
    def content(self, message: Message) -> Any:
        """Return the body, formatted if it is JSON; a link to its bytes if it is no text, or too long for a page."""
        text = text_of(message)
        shown = display.preformatted(pretty(bytes(message.body), message.headers)) if text.is_text else ""
        if text.is_text and text.is_short:
            return shown
        remark = _("This is no text that can be shown (%(size)s).")
        if text.is_text:
            remark = _("This is only the beginning: the body is too long for a page (%(size)s).")
        if text.is_text and is_correctable(message):
            remark = _(
                "This is only the beginning: the body is too long to be corrected on a page (%(size)s). Download it, "
                "correct the file, and take it in with the command stockhub_ingest."
            )
        link = display.link(self.page_url(BODY_URL_NAME, message.pk), _("download it"))
        size = {"size": filesizeformat(len(message.body))}
        return format_html("<p>{}</p><p>{}</p>{}", remark % size, link, shown)

    def get_urls(self) -> list[Any]:
        """Add the download of a body."""
        view = self.admin_site.admin_view(self.body_view)
        return [path("<int:pk>/body/", view, name=BODY_URL_NAME), *super().get_urls()]

    @method_decorator(require_safe)
    def body_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return the exact bytes of a body, as a file that no browser opens."""
        message = get_object_or_404(self.get_queryset(request), pk=pk)
        if not (self.has_view_permission(request, message) and may_see_persons(request)):
            raise PermissionDenied
        headers = {
            "Content-Disposition": f'attachment; filename="message-{message.pk}.bin"',
            "X-Content-Type-Options": "nosniff",
        }
        return HttpResponse(bytes(message.body), content_type="application/octet-stream", headers=headers)

    @admin.display(description=_("headers"))
    def headers_listed(self, message: Message) -> Any:
        """Return the stored headers, which never include the key."""
        return display.table((_("header"), _("value")), sorted(message.headers.items()))

    # ------------------------------------------------------------ process again

    def has_process_again_permission(self, request: HttpRequest) -> bool:
        # A separate permission, because the action may change documents and call the shop.
        return may(request, "process_again")

    @admin.action(description=_("process again"), permissions=["process_again"])
    def process_again(self, request: HttpRequest, queryset: QuerySet[Message]) -> HttpResponse | None:
        """Show what would happen to each chosen message; of many only how many there are. Either page asks."""
        if queryset.order_by()[: MAX_IDS + 1].count() > MAX_IDS:
            return propose(self, request, BulkRequest.Action.PROCESS_AGAIN, queryset)
        return self.redirect_to_preview(request, queryset)

    def get_page_actions(self, request: HttpRequest, row: Message) -> list[tuple[str, str]]:
        actions = super().get_page_actions(request, row)
        is_stale = row.outcome == Message.Outcome.STALE
        is_outdated = is_stale and any(note["code"] == OUTDATED_RETURN for note in row.notes)
        needs_attention = row.status in (Message.Status.QUARANTINED, Message.Status.FAILED) or (
            row.status == Message.Status.RECEIVED and row.cause
        )
        applies = {"process_outdated": is_outdated, "dismiss": needs_attention}
        applies["process_again"] = row.status != Message.Status.DISMISSED
        return [action for action in actions if applies.get(action[0], True)]

    @admin.action(description=_("process although outdated"), permissions=["process_again"])
    def process_outdated(self, request: HttpRequest, queryset: QuerySet[Message]) -> HttpResponse | None:
        """Redirect to the preview of the outdated messages about returns, where the user confirms."""
        outdated = cast(MessageQuerySet, queryset).outdated_returns()
        if outdated.exists():
            return self.redirect_to_preview(request, outdated, "&outdated=on")
        self.message_user(request, _("None of these is an outdated message about a return."), messages.WARNING)
        return None

    def redirect_to_preview(self, request: HttpRequest, rows: QuerySet[Message], options: str = "") -> HttpResponse:
        pks = list(rows.order_by().values_list("pk", flat=True)[: MAX_IDS + 1])
        url = self.page_url(URL_NAME)
        if len(pks) <= MAX_IDS:
            return HttpResponseRedirect(f"{url}?ids={','.join(map(str, sorted(pks)))}{options}")
        self.message_user(request, _("These are too many to choose by hand: say from when."), messages.WARNING)
        return HttpResponseRedirect(url)
