"""Fetching of what is missing: the list of runs, a page that begins one, and a page with the progress of each."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from stockhub_webhooks.admin import display, search_box
from stockhub_webhooks.admin.base import ObjectTools, ReadOnlyAdmin, wake_on_commit
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.exceptions import PullUnderWay
from stockhub_webhooks.models import Message, Pull
from stockhub_webhooks.models.pull import RESULTS
from stockhub_webhooks.office.access import may
from stockhub_webhooks.operations.dates import parse_timestamp
from stockhub_webhooks.operations.reconcile import run
from stockhub_webhooks.operations.reconcile.asking import LONGEST_NUMBER, PullChoice

URL_NAME = "stockhub_webhooks_pull"
MAX_NUMBERS = 200


class NumbersField(forms.CharField):
    """Numbers, one on each line or with commas in between; cleaned to a tuple without repetitions."""

    widget = forms.Textarea(attrs={"rows": 4, "cols": 40})

    def clean(self, value: Any) -> tuple[str, ...]:
        """Return the numbers."""
        parts = [part.strip() for part in re.split(r"[\n\r,;]+", super().clean(value))]
        numbers = tuple(dict.fromkeys(filter(None, parts)))
        if len(numbers) > MAX_NUMBERS or any(len(number) > LONGEST_NUMBER for number in numbers):
            raise forms.ValidationError(_("At most %(count)d numbers, one on each line.") % {"count": MAX_NUMBERS})
        return numbers


class PullForm(forms.Form):
    """Form for what is fetched."""

    account = forms.ChoiceField(label=gettext_lazy("Account"))
    orders = NumbersField(
        label=gettext_lazy("Stock Hub numbers"),
        required=False,
        help_text=gettext_lazy("Only these orders, with their returns. One on each line."),
    )
    po_numbers = NumbersField(
        label=gettext_lazy("Our order numbers"),
        required=False,
        help_text=gettext_lazy("Only these orders, with their returns. Leave both empty for everything."),
    )
    since = forms.DateField(
        label=gettext_lazy("Orders from"),
        required=False,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy(
            "All orders that were created on this day or later, whatever their status. Empty: the ones that can still "
            "change."
        ),
    )

    def __init__(self, accounts: list[str], *args: Any) -> None:
        super().__init__(*args)
        if len(accounts) == 1:
            del self.fields["account"]
        else:
            self.fields["account"] = forms.ChoiceField(
                label=_("Account"), choices=[(account, account) for account in accounts]
            )
        self._accounts = accounts

    def clean_since(self) -> datetime | None:
        """Return the beginning of the day."""
        day = self.cleaned_data["since"]
        try:
            return parse_timestamp(day.isoformat()) if day else None
        except ValueError:
            raise forms.ValidationError(forms.DateField.default_error_messages["invalid"]) from None

    def clean(self) -> None:
        """Refuse numbers together with a day: with numbers, only these are asked for."""
        values = self.cleaned_data
        if values.get("since") and (values.get("orders") or values.get("po_numbers")):
            self.add_error("since", _("Fill in either numbers or a day."))

    @property
    def chosen_account(self) -> str:
        """The account whose settings are used."""
        return str(self.cleaned_data.get("account") or self._accounts[0])

    @property
    def choice(self) -> PullChoice:
        """What is fetched."""
        values = self.cleaned_data
        return PullChoice(values["since"], values["orders"], values["po_numbers"])


@admin.register(Pull)
class PullAdmin(ReadOnlyAdmin):
    """Admin of runs: user, choice, progress and result."""

    list_display = ("created_at", "what", "requested_by_shown", "status", "progress", "changed", "failed")
    list_filter = ("status", ("created_at", DateRangeFilter))
    counted_as = (gettext_lazy("fetching of what is missing"), gettext_lazy("fetchings of what is missing"))
    search_help_text = gettext_lazy("who asked for it")
    change_form_template = "admin/stockhub_webhooks/pull/progress.html"
    fieldsets = (
        (
            None,
            {
                "fields": [
                    "what",
                    "account",
                    ("requested_by_shown", "created_at"),
                    ("finished_at", "stopped_by"),
                    "last_error_shown",
                ]
            },
        ),
    )

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        return search_box.holds(request, self.model, text, "requested_by")

    def title_of(self, row: Pull) -> str:
        """Return what is fetched, in words."""
        return in_words(row)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("new/", view(self.request_view), name=f"{URL_NAME}_request"),
            path("<int:pk>/progress/", view(self.progress_view), name=f"{URL_NAME}_progress"),
            path("<int:pk>/stop/", view(self.stop_view), name=f"{URL_NAME}_stop"),
            *super().get_urls(),
        ]

    def changelist_object_tools(self, request: HttpRequest) -> ObjectTools:
        own = [(self.page_url(f"{URL_NAME}_request"), _("fetch what is missing"))]
        return [
            *super().changelist_object_tools(request),
            *(own if may(request, "reconcile") and conf.rest_accounts() else ()),
        ]

    def change_form_object_tools(self, request: HttpRequest, row: Pull) -> ObjectTools:
        own = [(self.page_url("stockhub_webhooks_message_changelist") + "?source__exact=pull", _("fetched messages"))]
        return [
            *super().change_form_object_tools(request, row),
            *(own if request.user.has_perm(f"{Message._meta.app_label}.view_message") else ()),
        ]

    # ------------------------------------------------------------ columns and lines

    @admin.display(description=gettext_lazy("what"))
    def what(self, row: Pull) -> str:
        """Return what is fetched, in words."""
        return in_words(row)

    @admin.display(description=gettext_lazy("requested by"))
    def requested_by_shown(self, row: Pull) -> str:
        """Return the name of the user, or that it is the nightly run."""
        return row.requested_by or _("every night")

    @admin.display(description=gettext_lazy("progress"))
    def progress(self, row: Pull) -> str:
        """Return how many answers of the expected ones there are."""
        return done_in_words(row)

    @admin.display(description=gettext_lazy("last error"))
    def last_error_shown(self, row: Pull) -> Any:
        """Return the last error."""
        return display.preformatted(row.last_error)

    # ------------------------------------------------------------ begin

    def request_view(self, request: HttpRequest) -> HttpResponse:
        """Show the form; if it was sent, begin the run and show its page."""
        if not (may(request, "reconcile") and self.has_view_permission(request)):
            raise PermissionDenied
        accounts = conf.rest_accounts()
        form = PullForm(accounts, request.POST if request.method == "POST" else None) if accounts else None
        if form is not None and form.is_valid():
            try:
                pk = self.begin(request, form)
            except PullUnderWay:
                form.add_error(None, _("A run for this account has not ended. Wait for its end, or stop it."))
            else:
                return HttpResponseRedirect(self.page_url(f"{URL_NAME}_change", pk))
        context = {
            "title": _("Fetch what is missing"),
            "form": form,
            "back": self.page_url(f"{URL_NAME}_changelist"),
        }
        return self.render_page(request, "pull/request.html", context)

    def begin(self, request: HttpRequest, form: PullForm) -> int:
        """Save and log the run, and return its key."""
        user: Any = request.user
        with transaction.atomic(using=database_alias()):
            row = run.begin(form.chosen_account, form.choice, who=user.get_username())
            LogEntry.objects.log_actions(user.pk, [row], ADDITION, str(_("fetch what is missing")))
            wake_on_commit()
        return row.pk

    # ------------------------------------------------------------ the page of a run

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any
    ) -> HttpResponse:
        row: Pull = options["obj"]
        context |= {
            "progress": progress_of(row),
            "progress_url": self.page_url(f"{URL_NAME}_progress", row.pk),
            "stop_url": self.page_url(f"{URL_NAME}_stop", row.pk) if row.due_at and may(request, "reconcile") else "",
            "is_waiting": bool(row.due_at and row.claim is None),
        }
        return super().render_change_form(request, context, *args, **options)

    def progress_view(self, request: HttpRequest, pk: int) -> JsonResponse:
        """Return the progress as JSON."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return JsonResponse(progress_of(self.current(pk)), headers={"Cache-Control": "no-store"})

    def stop_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Stop the run after its current call."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not (may(request, "reconcile") and self.has_view_permission(request)):
            raise PermissionDenied
        row = self.current(pk)
        user: Any = request.user
        with transaction.atomic(using=database_alias()):
            stopped = run.halt(row.pk, user.get_username())
            if stopped:
                LogEntry.objects.log_actions(user.pk, [row], CHANGE, str(_("stopped")))
        if stopped:
            self.message_user(request, _("It is stopped. What was fetched is kept."), messages.SUCCESS)
        else:
            self.message_user(request, _("It was over already."), messages.WARNING)
        return HttpResponseRedirect(self.page_url(f"{URL_NAME}_change", pk))

    def current(self, pk: int) -> Pull:
        """Return the run as the database has it now, or answer 404."""
        row: Pull = get_object_or_404(Pull.objects.using(database_alias()), pk=pk)
        return row


def in_words(row: Pull) -> str:
    """Return what is fetched."""
    choice = PullChoice.from_json(row.choice)
    numbers = [*choice.orders, *choice.po_numbers]
    if len(numbers) == 1:
        return _("order %(number)s") % {"number": numbers[0]}
    if numbers:
        return ngettext("%(count)d order", "%(count)d orders", len(numbers)) % {"count": len(numbers)}
    if choice.since:
        return _("from %(moment)s") % {"moment": display.value(choice.since)}
    return _("everything that is missing")


def done_in_words(row: Pull) -> str:
    """Return how many answers of the expected ones there are."""
    return _("%(done)s of %(total)s") % {"done": row.done, "total": max(row.total, row.done)}


def progress_of(row: Pull) -> dict[str, Any]:
    """Return the progress of a run, for the page and its script."""
    return {
        "open": row.due_at is not None,
        "status": row.get_status_display(),
        "percent": row.percent,
        "text": done_in_words(row),
        "counts": [
            {"name": name, "label": str(Pull._meta.get_field(name).verbose_name), "count": getattr(row, name)}  # type: ignore[union-attr]
            for name in RESULTS
        ],
    }
