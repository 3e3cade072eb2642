"""The page on which users enter a message by hand, or correct one that could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.contrib.admin.helpers import AdminForm
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.defaultfilters import filesizeformat
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from stockhub_webhooks.admin import display, labels
from stockhub_webhooks.admin.base import ObjectTools, ReadOnlyAdmin, wake_on_commit
from stockhub_webhooks.admin.body_edit import corrected
from stockhub_webhooks.admin.body_text import BodyText, read_text
from stockhub_webhooks.conf import conf
from stockhub_webhooks.contract.statuses import Labels
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.models import Message
from stockhub_webhooks.models.message import Topic
from stockhub_webhooks.office.access import may, may_see_persons
from stockhub_webhooks.operations.health.problems import REAL, admin_link
from stockhub_webhooks.receiving import ingest, journal
from stockhub_webhooks.receiving.dismissal import CORRECTED_FROM
from stockhub_webhooks.serializers.fields import LEFT_OUT

URL_NAME = "stockhub_webhooks_message_enter"
PAGE_URL_NAME = "stockhub_webhooks_message_change"
# what became of a corrected message, by its outcome or status
OUTCOMES: Labels = {
    Message.Outcome.CREATED: _("It was processed, and is new to us."),
    Message.Outcome.UPDATED: _("It was processed, and changed what we had."),
    Message.Outcome.UNCHANGED: _("It was processed. It says what we knew already, so nothing changed."),
    Message.Outcome.STALE: _("It was processed. What we have is newer, so nothing changed, and nothing is to be done."),
    Message.Outcome.SPLIT: _("It holds several documents, and each is processed by itself."),
    Message.Status.RECEIVED: _("It waits to be processed. Load this page again in a moment."),
    Message.Status.FAILED: _("It could not be processed, and is given up."),
    Message.Status.QUARANTINED: _("It could not be read, and needs a look itself."),
}
BY_SHAPE = ("", _("what its content looks like"))


class EntryForm(forms.Form):
    """Form for a body, its topic and its account; a valid form sets `message`, which is not saved yet."""

    topic = forms.ChoiceField(label=_("topic"), required=False, choices=[BY_SHAPE, *Topic.choices])
    account = forms.ChoiceField(label=_("account"))
    body = forms.CharField(
        label=_("body"),
        strip=False,
        widget=forms.Textarea(
            attrs={"class": "vLargeTextField", "rows": 28, "spellcheck": "false", "autocomplete": "off"}
        ),
    )

    def __init__(self, *args: Any, original: Message | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.original = original
        accounts = list(conf.accounts())
        if len(accounts) > 1:
            account: Any = self.fields["account"]
            account.choices = [
                ("", "---------"),
                *((name, name) for name in accounts),
            ]  # so that no account is chosen by mistake
        else:
            del self.fields["account"]
        for field in self.fields.values():
            field.label = capfirst(str(field.label))
        self.fields["body"].help_text = _("JSON, as Stock Hub sends it; at most %(size)s.") % {
            "size": filesizeformat(min(conf.MAX_BODY_BYTES, conf.form_limit() or conf.MAX_BODY_BYTES))
        }

    def clean(self) -> dict[str, Any]:
        """Refuse a body that cannot be read, while the user can still correct it."""
        values = self.cleaned_data
        if "body" in values and not self.errors:
            try:
                self.message = self._message(values)
            except Unreadable as why:
                self.add_error("body", labels.reason(str(why)))
            except ValueError:  # too long in the charset of the original
                self.add_error("body", too_long())
        return values

    def _message(self, values: dict[str, Any]) -> Message:
        body = values["body"].encode()
        headers: dict[str, str] = {}
        if self.original:
            body, headers = corrected(text_of(self.original), self.original.headers, values["body"])
        account = conf.account(values.get("account", ""))
        # a correction keeps the time of receipt, so that later messages still count as newer
        received_at = self.original.received_at if self.original and is_correctable(self.original) else None
        if self.original:
            headers[CORRECTED_FROM] = str(self.original.uid)
        return ingest.bare(body, account=account, topic=values["topic"], received_at=received_at, headers=headers)

    def clean_body(self) -> str:
        """Refuse a body that is longer than `MAX_BODY_BYTES`."""
        body: str = self.cleaned_data["body"]
        if len(body.encode()) > conf.MAX_BODY_BYTES:
            raise forms.ValidationError(too_long())
        return body


def is_editable(message: Message) -> bool:
    """Return True if the body can be corrected on the page; otherwise the message's page offers its bytes."""
    text = text_of(message)
    return text.is_text and text.is_short


def is_correctable(message: Message) -> bool:
    """Return True if the message was never applied, or only in part."""
    return message.status == Message.Status.QUARANTINED or bool(message.is_in_part)


def text_of(message: Message) -> BodyText:
    """Return the text of a message's body."""
    return read_text(bytes(message.body), message.headers)


def too_long() -> str:
    """Return advice for a body that does not fit into the form."""
    text = _(
        "The content is too long for this page: at most %(most)s (setting MAX_BODY_BYTES), and with the rest of the "
        "form %(form)s (Django's setting DATA_UPLOAD_MAX_MEMORY_SIZE). Nothing was stored; the command "
        "stockhub_ingest takes it from a file."
    )
    form = conf.form_limit()
    return text % {"most": filesizeformat(conf.MAX_BODY_BYTES), "form": filesizeformat(form) if form else "∞"}


class EntryPage(ReadOnlyAdmin):
    """Adds the page "enter a message by hand" to the admin of messages, and the buttons that lead to it."""

    # ------------------------------------------------------------ buttons

    def has_enter_by_hand_permission(self, request: HttpRequest) -> bool:
        """Check a permission of its own, because nothing proves that an entered message is from Stock Hub."""
        return may(request, "enter_by_hand")

    def get_urls(self) -> list[Any]:
        # The CSRF middleware would read the body first; `entry_view` handles a body that is too large, then checks.
        view = self.admin_site.admin_view(csrf_exempt(self.entry_view))
        return [path("enter/", view, name=URL_NAME), *super().get_urls()]

    def changelist_object_tools(self, request: HttpRequest) -> ObjectTools:
        own = (
            [(self.page_url(URL_NAME), _("enter a message by hand"))]
            if self.has_enter_by_hand_permission(request)
            else []
        )
        return [*super().changelist_object_tools(request), *own]

    def has_correct_permission(self, request: HttpRequest) -> bool:
        """Require the permission to see personal data, since the form shows the body."""
        may_look = self.has_view_permission(request) and may_see_persons(request)
        return may_look and self.has_enter_by_hand_permission(request)

    def change_form_object_tools(self, request: HttpRequest, row: Message) -> ObjectTools:
        may_correct = is_correctable(row) and self.has_correct_permission(request) and is_editable(row)
        own = [(f"{self.page_url(URL_NAME)}?correct={row.pk}", _("correct and enter again"))] if may_correct else []
        return [*own, *super().change_form_object_tools(request, row)]

    # ------------------------------------------------------------ the page

    @method_decorator(sensitive_post_parameters("body"))
    @sensitive_variables()
    def entry_view(self, request: HttpRequest) -> HttpResponse:
        """Show the page; if Django refuses the request as too large, show that as an error of the form."""
        if not self.has_enter_by_hand_permission(request):
            raise PermissionDenied
        try:
            _read = request.POST
        except RequestDataTooBig:
            form = EntryForm({})
            form.errors.clear()
            form.add_error("body", too_long())
            return self.entry_page(request, form, status=413)
        answer: HttpResponse = csrf_protect(self.entry_form)(request)
        return answer

    def entry_form(self, request: HttpRequest) -> HttpResponse:
        """Show the form; if it is valid, store the message and redirect to its result."""
        original = self.original(request)
        if original and not is_editable(original):
            return HttpResponseRedirect(self.page_url(PAGE_URL_NAME, original.pk))  # it says why, and offers the bytes
        if request.method != "POST":
            return self.entry_page(request, EntryForm(initial=initial(original), original=original))
        form = EntryForm(request.POST, original=original)
        if not form.is_valid():
            return self.entry_page(request, form)
        self.enter(request, form.message, original)
        return HttpResponseRedirect(f"{self.page_url(URL_NAME)}?entered={form.message.pk}")

    def original(self, request: HttpRequest) -> Message | None:
        """Return the message to be corrected; the user must be allowed to see its body."""
        pk = request.GET.get("correct", "")
        if not pk.isdecimal():
            return None
        if not self.has_correct_permission(request):
            raise PermissionDenied
        return get_object_or_404(Message.objects.using(database_alias()), pk=pk)

    def enter(self, request: HttpRequest, message: Message, original: Message | None) -> None:
        """Store and log the message, and wake the runner after the commit; the original keeps its body and outcome."""
        user: Any = request.user
        with transaction.atomic(using=database_alias()):
            journal.enter(message, by=user.get_username())
            LogEntry.objects.log_actions(user.pk, [message], ADDITION, str(_("entered by hand")))
            if original:
                what = _("corrected and entered again as message %(number)s") % {"number": message.pk}
                LogEntry.objects.log_actions(user.pk, [original], CHANGE, what)
                # what was left out is in the new message now, so the original needs no attention
                rows = Message.objects.using(database_alias()).filter(pk=original.pk)
                rows.update(successor=message)
                rows.filter(is_in_part=True).update(is_in_part=False)
            wake_on_commit()

    def entry_page(self, request: HttpRequest, form: EntryForm, status: int = 200) -> HttpResponse:
        """Show the page with the outcome of the message that was entered last; of a correction the outcome alone."""
        entered = self.entered(request)
        if entered.get("original"):
            context = {"title": _("Corrected and entered again"), "entered": entered}
            return self.render_page(request, "message/corrected.html", context, status)
        context = {
            "title": _("Enter a message by hand") if form.original is None else _("Correct and enter again"),
            "form": form,
            "adminform": AdminForm(form, [(None, {"fields": list(form.fields)})], {}),  # type: ignore[arg-type]
            "intro": intro(form.original),
            "left_out": left_out(form.original),
            "entered": entered,
            "submit_label": _("Enter"),
        }
        return self.render_page(request, "message/enter.html", context, status)

    def entered(self, request: HttpRequest) -> dict[str, Any]:
        """Return the outcome of the message that the URL names, with a link to it."""
        pk = request.GET.get("entered", "") if request.method == "GET" else ""
        by_hand = Message.objects.using(database_alias()).filter(source=Message.Source.HAND)
        message = by_hand.defer("body").filter(pk=pk).first() if pk.isdecimal() else None
        if message is None:
            return {}
        name = f"{message.get_topic_display()} {message.increment_id}".strip() or str(_("message from Stock Hub"))
        name = capfirst(name)
        link = display.page(message, name) if self.has_view_permission(request) else name
        outcome = {"link": link, "result": labels.result(message), "good": message.status == Message.Status.APPLIED}
        return outcome | self.of_correction(request, message)

    def of_correction(self, request: HttpRequest, message: Message) -> dict[str, Any]:
        """Return what became of the message that was corrected, and what else needs a look; {} for no correction."""
        uid = message.headers.get(CORRECTED_FROM)
        rows = Message.objects.using(database_alias()).defer("body")
        original = rows.filter(uid=uid).first() if uid else None
        if original is None or not self.has_view_permission(request):
            return {}
        to_do = {"status__exact": Message.Status.QUARANTINED} | REAL
        needs_correction = original.status == Message.Status.QUARANTINED
        return {
            "original": display.page(original, original.pk),
            "sentence": OUTCOMES.get(message.outcome or message.status, ""),
            "original_sentence": _("It needs a look as before.") if needs_correction else _("It counts as settled."),
            "left": rows.filter(status=Message.Status.QUARANTINED).real().count(),
            "list_url": admin_link("message", to_do, self.admin_site.name),
        }


def initial(original: Message | None) -> dict[str, str]:
    """Return the initial values of the form."""
    if original is None:
        return {}
    text = text_of(original)
    return {
        "body": text.shown if text else "",
        "topic": original.topic or original.url_topic,
        "account": original.account,
    }


def intro(original: Message | None) -> Any:
    """Return the introduction of the page."""
    if original is None:
        return _(
            "For what Winkelstraat mailed, or what you know otherwise. It is processed as if Stock Hub had sent it."
        )
    return _("Correct what is wrong below. The message as it came in stays as it is.")


def left_out(original: Message | None) -> Any:
    """Return a table of the notes on what was left out of the original, "" if there are none."""
    notes = [note for note in original.notes if note.get("code") in LEFT_OUT] if original else []
    return notes_table(notes) if notes else ""


def notes_table(notes: Iterable[Mapping[str, Any]]) -> Any:
    """Return a table of notes, each with its path in the body."""
    rows = ((labels.note(note), format_html("<code>{}</code>", note.get("path", ""))) for note in notes)
    return display.table((_("remark"), _("place")), rows)
