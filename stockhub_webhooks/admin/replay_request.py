"""The page that starts a replay: choose messages, see a preview, give a reason, confirm."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from django import forms
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import PermissionDenied
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from stockhub_webhooks.admin import display, labels
from stockhub_webhooks.admin.base import ObjectTools, ReadOnlyAdmin, wake_on_commit
from stockhub_webhooks.admin.event_changes import field_name, shown
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.delivery import ledger
from stockhub_webhooks.delivery.subjects import subject_of
from stockhub_webhooks.models import Event, Message, Topic
from stockhub_webhooks.office.access import may, may_see_persons
from stockhub_webhooks.operations import replay
from stockhub_webhooks.operations.replay import MessageChoice, ReplayPreview
from stockhub_webhooks.operations.replay.choice import REPLAYED_STATUSES
from stockhub_webhooks.operations.replay.run import ReplayStep

URL_NAME = "stockhub_webhooks_replay_request"
MAX_IDS = 200
IDS = r"^[0-9]{1,18}(,[0-9]{1,18})*\Z"  # longer numbers are no keys, and databases refuse them
SHOWN_CHANGES = 6
HIDDEN = "•••"


def ids_in(text: str) -> list[int]:
    """Return the primary keys in the parameter `ids`, such as "1,2,3"; none if it is anything else."""
    return [int(part) for part in text.split(",")] if re.match(IDS, text) else []


def outside_transactions(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Return the view without the host's transaction: a preview releases its locks after each order."""
    for name in connections:
        view = transaction.non_atomic_requests(using=name)(view)
    return view


class DateAndTime(AdminSplitDateTime):
    """Adds aria-labels to the two inputs, which Django before 6 lacks."""

    def __init__(self, attrs: Any = None) -> None:
        super().__init__(attrs)
        for box, label in zip(self.widgets, (gettext_lazy("date"), gettext_lazy("time")), strict=True):
            box.attrs["aria-label"] = label


class RequestForm(forms.Form):
    """Form for the messages, and for the receivers of their past events; sets `choice`."""

    since = forms.SplitDateTimeField(label=gettext_lazy("received from"), required=False, widget=DateAndTime)
    until = forms.SplitDateTimeField(label=gettext_lazy("until (before)"), required=False, widget=DateAndTime)
    topic = forms.ChoiceField(
        label=gettext_lazy("topic"), required=False, choices=[("", gettext_lazy("all")), *Topic.choices]
    )
    order = forms.CharField(
        label=gettext_lazy("order"),
        required=False,
        max_length=255,
        help_text=gettext_lazy("Its Stock Hub number or our order number; all messages about it."),
    )
    status = forms.ChoiceField(
        label=gettext_lazy("status"), required=False, choices=[("", gettext_lazy("all")), *REPLAYED_STATUSES]
    )
    outdated = forms.BooleanField(required=False, widget=forms.HiddenInput)
    ids = forms.RegexField(IDS, required=False, widget=forms.HiddenInput, max_length=4000)
    receivers = forms.MultipleChoiceField(
        label=gettext_lazy("also tell past changes to"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "Only what these receivers were never told. They know that it is late, so that no customer is mailed."
        ),
    )
    try_again = forms.BooleanField(
        label=gettext_lazy("try again what was given up"),
        required=False,
        help_text=gettext_lazy("Tasks of our shop about these messages; not what somebody gave up by hand."),
    )
    only_tell = forms.BooleanField(label=gettext_lazy("only tell, process nothing again"), required=False)

    def __init__(self, *args: Any, may_try_again: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not may_try_again:
            del self.fields["try_again"]
        receivers: Any = self.fields["receivers"]
        receivers.choices = [(name, name) for name in sorted(set().union(*ledger.known_receivers().values()))]
        for field in self.fields.values():
            field.label = capfirst(str(field.label or ""))

    def clean(self) -> dict[str, Any]:
        """Refuse an empty choice, which would mean all messages."""
        values = self.cleaned_data
        ids = tuple(ids_in(values.get("ids", "")))
        names = ("since", "until", "topic", "order", "status")
        self.choice = MessageChoice(
            **{name: values[name] for name in names if values.get(name)},
            ids=ids,
            # of chosen messages alone: in a whole period each would undo the one before
            outdated=bool(ids and values.get("outdated")),
        )
        if self.errors:
            return values
        since, until = self.choice.since, self.choice.until
        if self.choice.is_open:
            raise forms.ValidationError(_("Say from when, or which order."))
        if since and until and until <= since:
            self.add_error("until", _("This is not after the beginning."))
        if values["only_tell"] and not (values["receivers"] or values.get("try_again")):
            self.add_error("receivers", _("Choose who is to be told."))
        return values

    @property
    def replay_options(self) -> dict[str, Any]:
        """The options of `replay.begin` and `replay.preview_messages`."""
        values = self.cleaned_data
        return {
            "receivers": values["receivers"],
            "applies": not values["only_tell"],
            "tries_again": values.get("try_again", False),
        }


def initial_values(request: HttpRequest) -> dict[str, Any]:
    """Return the initial values that the URL of another page gives."""
    return {"only_tell": "only_tell" in request.GET, "receivers": request.GET.getlist("receivers")}


class RequestPage(ReadOnlyAdmin):
    """Adds to the admin of replays the page that begins one."""

    def get_urls(self) -> list[Any]:
        view = outside_transactions(self.admin_site.admin_view(self.request_view))
        return [path("new/", view, name=URL_NAME), *super().get_urls()]

    def changelist_object_tools(self, request: HttpRequest) -> ObjectTools:
        own = [(self.page_url(URL_NAME), _("process again"))]
        return [*super().changelist_object_tools(request), *(own if may(request, "process_again") else ())]

    def request_view(self, request: HttpRequest) -> HttpResponse:
        """Show the form; if filled in, the preview; if confirmed, start the replay and show its page."""
        if not (may(request, "process_again") and may(request, "view_message")):
            raise PermissionDenied
        # one of these fields is in every request of the form, of the list of messages and of other pages
        is_filled_in = bool({"since_0", "ids", "order"} & set(request.GET))
        values = {"data": request.GET} if is_filled_in else {"initial": initial_values(request)}
        form = RequestForm(**values, may_try_again=may(request, "try_again"))
        if not (is_filled_in and form.is_valid()):
            return self.request_page(request, form)
        reason = request.POST.get("reason", "").strip()
        if not reason:
            fault = _("Say why, for who looks at it later.") if request.method == "POST" else ""
            return self.request_page(request, form, replay.preview_messages(form.choice, **form.replay_options), fault)
        pk = self.begin(request, form, reason)
        return HttpResponseRedirect(self.page_url("stockhub_webhooks_replay_change", pk))

    def begin(self, request: HttpRequest, form: RequestForm, reason: str) -> int:
        """Save and log the replay, wake the runner after the commit, and return the replay's key."""
        user: Any = request.user
        with transaction.atomic(using=database_alias()):
            row = replay.begin(
                form.choice,
                who=user.get_username(),
                who_pk=str(user.pk),
                reason=reason,
                **form.replay_options,
            )
            done = _("process although outdated") if form.choice.outdated else _("process again")
            LogEntry.objects.log_actions(user.pk, [row], ADDITION, f"{done}: {reason}")
            wake_on_commit()
        return row.pk

    def request_page(
        self, request: HttpRequest, form: RequestForm, preview: ReplayPreview | None = None, fault: str = ""
    ) -> HttpResponse:
        """Show the form, and the preview below it."""
        context = {
            "title": _("Process again"),
            "form": form,
            "media": self.media + form.media,
            "preview": preview,
            "rows": list(rows(preview, persons=may_see_persons(request))) if preview else [],
            "how_many": how_many(preview) if preview else "",
            "which": in_words(form.choice.as_json()) if preview else "",
            "is_outdated": bool(preview and form.choice.outdated),
            "fault": fault,
            "reason": request.POST.get("reason", ""),
        }
        return self.render_page(request, "replay/request.html", context)


def how_many(preview: ReplayPreview) -> str:
    """Return in words the number of messages, and how many of them are shown."""
    if not preview.is_counted:
        return _("More than %(total)s messages; the first %(shown)s are shown.") % {
            "total": preview.total,
            "shown": len(preview.steps),
        }
    if len(preview.steps) < preview.total:
        return _("%(total)s messages; the first %(shown)s are shown.") % {
            "total": preview.total,
            "shown": len(preview.steps),
        }
    return ngettext("%(count)d message.", "%(count)d messages.", preview.total) % {"count": preview.total}


def rows(preview: ReplayPreview, *, persons: bool) -> Iterator[dict[str, Any]]:
    """Yield the rows of the preview's table."""
    for message, step in preview.steps:
        yield row_of(message, step, persons=persons) | {
            "message": display.page(message, display.value(message.received_at))
        }


def row_of(message: Message, step: ReplayStep, *, persons: bool) -> dict[str, Any]:
    """Return a row of a preview: what the message is about, result, changes and number of calls by receiver."""
    calls: dict[str, int] = {}
    for call in step.calls:
        calls[call.receiver] = calls.get(call.receiver, 0) + 1
    fullest = max(step.events, key=lambda event: len(event.changes), default=None)
    changed = list(changes(fullest, persons=persons)) if fullest else []
    hidden = len(changed) - SHOWN_CHANGES
    return {
        "what": f"{message.get_topic_display()} {message.increment_id}".strip() or "?",
        "result": result(step, persons=persons),
        "changes": changed[:SHOWN_CHANGES],
        "more": _("and %(count)s more") % {"count": hidden} if hidden > 0 else "",
        "calls": sorted(calls.items()),
    }


def result(step: ReplayStep, *, persons: bool) -> str:
    """Return in words the outcome of a step; the text of an error only if the user may see personal data."""
    if step.counted == "postponed":
        return _("waiting anyway, it is processed now")
    if step.error:
        first_line = step.error.partition("\n")[0]
        reason = labels.reason(first_line)
        return reason if persons or reason != first_line else _("could not be processed")
    if step.outcome == Message.Outcome.SPLIT and step.counted == "unchanged":
        return _("split already; choose its documents to process them again")
    return str(dict(Message.Outcome.choices).get(step.outcome, _("not processed, only told")))


def changes(event: Event, *, persons: bool) -> Iterator[tuple[str, str, str]]:
    """Return field, old and new value; the values of addresses only if the user may see personal data."""
    subject = subject_of(event)
    for name, (old, new) in event.changes.items():
        if subject.is_personal(name) and not persons:
            yield field_name(subject, name), HIDDEN, HIDDEN
        else:
            yield field_name(subject, name), shown(subject, name, old), shown(subject, name, new)


def in_words(values: dict[str, Any]) -> str:
    """Return in words which messages a replay has chosen."""
    choice = MessageChoice.from_json(values)
    parts = []
    if choice.ids:
        several = ngettext("%(count)d chosen message", "%(count)d chosen messages", len(choice.ids))
        parts.append(several % {"count": len(choice.ids)})
    if choice.outdated:
        parts.append(_("although outdated"))
    if choice.since:
        parts.append(_("from %(moment)s") % {"moment": display.value(choice.since)})
    if choice.until:
        parts.append(_("until %(moment)s") % {"moment": display.value(choice.until)})
    if choice.topic:
        parts.append(str(dict(Topic.choices).get(choice.topic, choice.topic)))
    if choice.order:
        parts.append(_("order %(number)s") % {"number": choice.order})
    if choice.status:
        parts.append(str(dict(Message.Status.choices).get(choice.status, choice.status)))
    return ", ".join(parts)
