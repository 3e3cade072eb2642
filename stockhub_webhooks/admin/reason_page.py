"""The page that asks for a reason before a person settles rows for good."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin.base import ReadOnlyAdmin
from stockhub_webhooks.admin.replay_request import ids_in

MAX_AT_ONCE = 10_000
ACTION_FIELDS = ("action", ACTION_CHECKBOX_NAME, "select_across")  # of the action form of a changelist
NEWEST = "newest"


class ReasonForm(forms.Form):
    """Form for the reason, which is stored with the row and in the admin log."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=255,
        widget=forms.Textarea(attrs={"class": "vLargeTextField", "rows": 3}),
        help_text=_("It is kept with each message and in the log of the admin."),
    )


@dataclass(frozen=True)
class Decision:
    """What a person decides about rows.

    Attributes:
        title: of the page and its button.
        explanation: says with `count` what happens.
        done: says with `count` what was done.
        nothing: says that none of the rows is undecided.
        log: the entry of the admin log, with `reason`.
        change: settles the rows of these primary keys and returns their number; takes `by` and `reason`.
    """

    title: Any
    explanation: Any
    done: Any
    nothing: Any
    log: Any
    change: Callable[..., int]


def ask_reason(
    admin: ReadOnlyAdmin,
    request: HttpRequest,
    rows: QuerySet[Any],
    decision: Decision,
    *,
    hidden: Iterable[tuple[str, str]],
    back: str,
    what: str = "",
) -> HttpResponse:
    """Ask for the reason; with a valid one, settle the rows that the page counted, and redirect to `back`.

    Args:
        admin: whose page it is.
        request: the request; without a valid reason in it, the form is shown.
        rows: the undecided rows.
        decision: what is done with them.
        hidden: fields that the form sends again, so that the next request selects the same rows.
        back: URL of the page to return to.
        what: what the rows have in common, shown on the page.
    """
    if shown := ids_in(request.POST.get(NEWEST, "")):
        rows = rows.filter(pk__lte=shown[0])
    if not (count := min(rows.count(), MAX_AT_ONCE)):
        admin.message_user(request, decision.nothing, messages.WARNING)
        return HttpResponseRedirect(back)
    form = ReasonForm(request.POST if "reason" in request.POST else None)
    if form.is_valid():
        reason, user = form.cleaned_data["reason"], request.user.get_username()
        # the log names each row, and needs neither body nor headers for that
        pks = list(rows.order_by("pk").values_list("pk", flat=True)[:MAX_AT_ONCE])
        chosen = rows.model._default_manager.using(rows.db).filter(pk__in=pks).defer(*admin.deferred_fields)
        count = admin.apply_and_log(
            request,
            chosen,
            str(decision.log % {"reason": reason}),
            lambda batch: decision.change(batch, by=user, reason=reason),
        )
        admin.report_counts(request, count, decision.done)
        return HttpResponseRedirect(back)
    newest = str(rows.aggregate(newest=Max("pk"))["newest"])
    context = {
        "title": decision.title,
        "form": form,
        "explanation": decision.explanation % {"count": count},
        "what": what,
        "hidden": [*((name, value) for name, value in hidden if name != NEWEST), (NEWEST, newest)],
        "back": back,
    }
    return admin.render_page(request, "reason.html", context)


def selection(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the fields of the action form of a list, which select the same rows again."""
    return [(name, value) for name in ACTION_FIELDS for value in request.POST.getlist(name)]
