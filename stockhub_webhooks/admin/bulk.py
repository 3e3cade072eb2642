"""Bulk requests: the page that asks before it begins, and the page with progress and results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from stockhub_webhooks.admin import causes, display, labels
from stockhub_webhooks.admin.bulk_start import CONFIRM_URL_NAME, RESULT_URL_NAME, begin
from stockhub_webhooks.admin.list_filters import BulkFilter
from stockhub_webhooks.admin.replay_request import outside_transactions
from stockhub_webhooks.admin.sites import may_view
from stockhub_webhooks.admin.work_request import WorkRequestAdmin
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.delivery import breaker
from stockhub_webhooks.models import BulkEntry, BulkRequest, HostLink, ReceiverCall
from stockhub_webhooks.office.access import may
from stockhub_webhooks.operations import bulk
from stockhub_webhooks.operations.bulk.results import result_model

Kind = BulkRequest.Action
SAMPLE = 10
SHOWN_GROUPS = 20
LOOK_SECONDS = 5  # until the results are final

# (what the confirmed request does with `count` rows)
EFFECTS: Mapping[str, Any] = {
    Kind.TRY_AGAIN: ngettext_lazy(
        "%(count)s task for our shop is tried again now. If it fails again, it is tried some more times.",
        "%(count)s tasks for our shop are tried again now. Those that fail again are tried some more times.",
        "count",
    ),
    Kind.GIVE_UP: ngettext_lazy(
        "%(count)s task for our shop is given up for good: the shop's code is not asked to do it any more, and "
        "nobody is warned of it.",
        "%(count)s tasks for our shop are given up for good: the shop's code is not asked to do them any more, and "
        "nobody is warned of them.",
        "count",
    ),
    Kind.REASSIGN: ngettext_lazy(
        "%(count)s task goes from %(former)s to %(receiver)s, which does it now.",
        "%(count)s tasks go from %(former)s to %(receiver)s, which does them now.",
        "count",
    ),
    Kind.RELEASE: ngettext_lazy("%(count)s message is let in.", "%(count)s messages are let in.", "count"),
    Kind.PROCESS_AGAIN: ngettext_lazy(
        "%(count)s message is processed again. What it knows older than our documents changes nothing.",
        "%(count)s messages are processed again. What they know older than our documents changes nothing.",
        "count",
    ),
    Kind.LOOK_AGAIN: ngettext_lazy(
        "%(count)s order is looked for in our shop again.",
        "%(count)s orders are looked for in our shop again.",
        "count",
    ),
    Kind.TELL_MISSED: ngettext_lazy(
        "Our shop is told what it missed of %(count)s order: each receiver gets the changes of which it has no task, "
        "and its tasks that failed are tried again.",
        "Our shop is told what it missed of %(count)s orders: each receiver gets the changes of which it has no task, "
        "and its tasks that failed are tried again.",
        "count",
    ),
}
EARLIER = ngettext_lazy(
    "%(count)s of them is an earlier task of the same order, which has to be done first.",
    "%(count)s of them are earlier tasks of the same orders, which have to be done first.",
    "count",
)

WITHOUT_RESULTS = (Kind.GIVE_UP,)


class ConfirmForm(forms.Form):
    """Form for the reason."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"class": "vLargeTextField", "rows": 3}),
        help_text=gettext_lazy("It is kept with this request and in the log of the admin."),
    )

    def __init__(self, *args: Any, is_required: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["reason"].required = is_required


@admin.register(BulkRequest)
class BulkRequestAdmin(WorkRequestAdmin):
    """Admin of bulk requests: who asked for what, how far it is, and what became of the rows."""

    list_display = ("created_at", "action", "which", "reason", "requested_by", "status", "progress")
    list_filter = ("action", *WorkRequestAdmin.list_filter)
    counted_fields = ("acted", "left_alone")
    change_form_template = "admin/stockhub_webhooks/bulkrequest/result.html"
    fieldsets = (
        (
            None,
            {
                "fields": [
                    ("action", "which"),
                    "reason",
                    ("requested_by", "created_at"),
                    ("finished_at", "stopped_by"),
                    "last_error_shown",
                ]
            },
        ),
    )

    # ------------------------------------------------------------ permissions

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let users who asked for something see what became of it."""
        if super().has_view_permission(request, obj):
            return True
        return obj is not None and is_own(request, obj)

    def may_have_view_permission(self, request: HttpRequest) -> bool:
        permissions = set(map(bulk.permission_of, bulk.ACTIONS))
        return self.has_view_permission(request) or any(may(request, name) for name in permissions)

    def may_stop(self, request: HttpRequest, row: Any) -> bool:
        return may(request, bulk.permission_of(row.action))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).exclude(status=BulkRequest.PROPOSED)

    # ------------------------------------------------------------ columns and lines

    def title_of(self, row: BulkRequest) -> str:
        """Return the action and the number of rows."""
        return f"{capfirst(row.get_action_display())}: {self.which(row)}"

    @admin.display(description=gettext_lazy("how many"))
    def which(self, row: BulkRequest) -> str:
        """Return the number of chosen rows with the name of their model."""
        meta = bulk.ACTIONS[row.action].model._meta
        return f"{row.total} {meta.verbose_name if row.total == 1 else meta.verbose_name_plural}"

    # ------------------------------------------------------------ the page that asks

    def get_urls(self) -> list[Any]:
        view = outside_transactions(self.admin_site.admin_view(self.confirm_view))
        return [path("<int:pk>/confirm/", view, name=CONFIRM_URL_NAME), *super().get_urls()]

    def confirm_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what would be done with which rows; if confirmed, begin, and show the page of the request."""
        if not self.may_have_view_permission(request):
            raise PermissionDenied
        proposed = get_object_or_404(BulkRequest.objects.using(database_alias()), pk=pk)
        model = bulk.ACTIONS[proposed.action].model
        if not (may(request, bulk.permission_of(proposed.action)) and may_view(request, model)):
            raise PermissionDenied
        if proposed.status != BulkRequest.PROPOSED:
            if not self.has_view_permission(request, proposed):
                raise PermissionDenied
            return HttpResponseRedirect(self.page_url(RESULT_URL_NAME, pk))
        form = ConfirmForm(
            request.POST if request.method == "POST" else None,
            is_required=bulk.ACTIONS[proposed.action].needs_reason,
        )
        if request.method == "POST" and form.is_valid():
            return begin(self, request, proposed, form.cleaned_data["reason"])
        return self.render_page(request, "bulkrequest/confirm.html", self.confirm_context(proposed, form))

    def confirm_context(self, proposed: BulkRequest, form: ConfirmForm) -> dict[str, Any]:
        """Return the context of the page that asks."""
        model = bulk.ACTIONS[proposed.action].model
        values = {"count": proposed.total, **proposed.parameters}
        earlier = proposed.parameters.get("earlier", 0)
        return {
            "title": capfirst(proposed.get_action_display()),
            "effect": EFFECTS[proposed.action] % values,
            "earlier": EARLIER % {"count": earlier} if earlier else "",
            "held": held(proposed),
            "groups": groups(proposed) if model is ReceiverCall else "",
            "sample": list(self.sample(proposed)),
            "form": form,
            "submit_label": capfirst(proposed.get_action_display()),
            "back": self.page_url(f"stockhub_webhooks_{model._meta.model_name}_changelist"),
        }

    def sample(self, proposed: BulkRequest) -> Iterator[Any]:
        """Yield links to the first rows."""
        model = bulk.ACTIONS[proposed.action].model
        page: Any = self.admin_site._registry.get(model)
        rows = entries(proposed).order_by("pk").values_list("row", flat=True)[:SAMPLE]
        found = model._default_manager.using(database_alias()).defer(*page.deferred_fields).in_bulk(list(rows))
        for row in found.values():
            yield display.page(row, page.title_of(row))

    # ------------------------------------------------------------ the page of a request

    def progress_of(self, row: BulkRequest) -> dict[str, Any]:
        progress = super().progress_of(row)
        if row.action in WITHOUT_RESULTS:
            return progress
        result = bulk.results(row)
        counts = [*progress["counts"], *self.result_counts(row, result)]
        more = {"waits": progress["open"] or not result.is_final, "by_receiver": table_by_receiver(result)}
        seconds = {} if progress["open"] else {"seconds": LOOK_SECONDS}
        return progress | {"counts": counts} | more | seconds

    def result_counts(self, row: BulkRequest, result: bulk.BulkResult) -> Iterator[dict[str, Any]]:
        """Yield name, label, number and list of each kind of result."""
        model = result_model(row)
        url = self.page_url(f"stockhub_webhooks_{model._meta.model_name}_changelist")
        more = {"found": "all"} if model is HostLink else {}  # the list leaves out what was found
        for name, count in result.counts.items():
            chosen = urlencode({BulkFilter.parameter_name: f"{row.pk}~{name}", **more})
            yield {"name": name, "label": str(labels.RESULTS[name]), "count": count, "url": f"{url}?{chosen}"}


def is_own(request: HttpRequest, row: BulkRequest) -> bool:
    """Return True if the user asked for it, and still has the permission."""
    user: Any = request.user
    return row.requested_by_pk == str(user.pk) and may(request, bulk.permission_of(row.action))


def entries(row: BulkRequest) -> Any:
    """Return the chosen rows of a request."""
    return BulkEntry.objects.using(database_alias()).filter(request=row)


def chosen_calls(row: BulkRequest) -> Any:
    """Return the chosen tasks of a request."""
    return ReceiverCall.objects.using(database_alias()).filter(pk__in=entries(row).values("row"))


def groups(row: BulkRequest) -> Any:
    """Return a table of the chosen tasks by receiver and cause."""
    rows = chosen_calls(row).order_by().values("receiver", "cause").annotate(count=Count("pk"))
    heads = (_("tasks"), _("receiver"), _("cause"))
    found = list(rows.order_by("-count", "receiver", "cause")[: SHOWN_GROUPS + 1])
    lines = [
        (each["count"], each["receiver"], causes.label(each["cause"]) if each["cause"] else display.EMPTY)
        for each in found[:SHOWN_GROUPS]
    ]
    return display.table(heads, [*lines, *([("…", "", "")] if len(found) > SHOWN_GROUPS else [])])


def held(row: BulkRequest) -> str:
    """Return in words how many of the tasks wait for a receiver that is paused or away."""
    blocked = breaker.blocked_receivers()
    is_call = bulk.ACTIONS[row.action].model is ReceiverCall and row.action != Kind.GIVE_UP
    if not (is_call and blocked):
        return ""
    receivers = {row.parameters["receiver"]} & set(blocked) if row.action == Kind.REASSIGN else set(blocked)
    is_reassigned = row.action == Kind.REASSIGN
    count = row.total * bool(receivers) if is_reassigned else chosen_calls(row).filter(receiver__in=receivers).count()
    text = ngettext(
        "%(count)d of them waits until its receiver, which is paused or away, is called again.",
        "%(count)d of them wait until their receivers, which are paused or away, are called again.",
        count,
    )
    return text % {"count": count} if count else ""


def table_by_receiver(result: bulk.BulkResult) -> Any:
    """Return a table of the results by receiver, "" if there is one receiver at most."""
    if len(result.by_receiver) < 2:
        return ""
    heads = (_("receiver"), *(labels.RESULTS[group] for group in result.counts))
    rows = [(receiver, *counts.values()) for receiver, counts in result.by_receiver.items()]
    return display.table(heads, rows)
