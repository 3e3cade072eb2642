"""Failures grouped by cause: a page with actions on all failures of one cause."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from stockhub_webhooks.admin import display, labels
from stockhub_webhooks.admin.base import ObjectTools
from stockhub_webhooks.admin.give_up_page import MAX_AT_ONCE, GiveUpPage
from stockhub_webhooks.admin.sites import may_view
from stockhub_webhooks.delivery import manual
from stockhub_webhooks.models import Message
from stockhub_webhooks.office.access import may, may_see_persons
from stockhub_webhooks.operations.health import failure_groups
from stockhub_webhooks.operations.health.failure_groups import CALLS, FAILURE_TYPES, MESSAGES, FailureGroup, FailureType
from stockhub_webhooks.operations.health.rules import REAL, admin_link
from stockhub_webhooks.receiving import journal

FAILURES = "stockhub_webhooks_failures"
ERROR_LENGTH = 200


@dataclass(frozen=True)
class Act:
    """Something that can be done with a group of failures; `name` is also its permission."""

    name: str
    kind: FailureType
    label: Any
    done_text: Any
    change: Callable[[list[int]], int] | None  # None: giving up asks for a reason first


ACTS = {
    act.name: act
    for act in (
        Act(
            "try_again",
            CALLS,
            _("try again"),
            ngettext_lazy("%(count)d task is tried again.", "%(count)d tasks are tried again.", "count"),
            manual.requeue,
        ),
        Act("give_up", CALLS, _("give up …"), "", None),
        Act(
            "process_again",
            MESSAGES,
            _("process again"),
            ngettext_lazy("%(count)d message is processed again.", "%(count)d messages are processed again.", "count"),
            journal.requeue,
        ),
    )
}


class FailuresPage(GiveUpPage):
    """Adds to the admin of tasks the page of what failed, by its cause."""

    def get_urls(self) -> list[Any]:
        return [path("failures/", self.admin_site.admin_view(self.failures_view), name=FAILURES), *super().get_urls()]

    def changelist_object_tools(self, request: HttpRequest) -> ObjectTools:
        own = (self.page_url(FAILURES), _("what failed, by its cause"))
        return [own, *super().changelist_object_tools(request)]

    def failures_view(self, request: HttpRequest) -> HttpResponse:
        """Show the groups, or act on one."""
        kinds = [kind for kind in FAILURE_TYPES.values() if may_view(request, kind.model)]
        if not kinds:
            raise PermissionDenied
        if request.method == "POST":
            return self.act_on_group(request, kinds)
        context = {
            "title": _("What failed, by its cause"),
            "sections": [self.section(request, kind) for kind in kinds],
        }
        return self.render_page(request, "receivercall/failures.html", context)

    def section(self, request: HttpRequest, kind: FailureType) -> dict[str, Any]:
        """Return the groups of one kind, as shown."""
        found = failure_groups.find_groups(kind, failure_groups.MAX_GROUPS + 1)
        cut = len(found) > failure_groups.MAX_GROUPS
        return {
            "title": kind.model._meta.verbose_name_plural,
            "name": kind.name,
            "groups": [self.shown(request, group) for group in found[: failure_groups.MAX_GROUPS]],
            "cut": failure_groups.MAX_GROUPS if cut else 0,
            "acts": [act for act in ACTS.values() if act.kind is kind and may(request, act.name)],
        }

    def shown(self, request: HttpRequest, group: FailureGroup) -> dict[str, Any]:
        """Return a group in words. The text of an error may name a customer."""
        row, site = group.newest, self.admin_site.name
        return {
            "group": group,
            "cause": labels.cause(group.key["cause"]),
            "statuses": list(statuses_in_words(group)),
            "sample": title_of(row),
            "sample_url": self.page_url(f"stockhub_webhooks_{row._meta.model_name}_change", row.pk),
            "error": Truncator(error_of(row)).chars(ERROR_LENGTH) if may_see_persons(request) else "",
            "list_url": admin_link(row._meta.model_name, {f"{k}__exact": v for k, v in group.key.items()} | REAL, site),
        }

    # ------------------------------------------------------------ acting

    def act_on_group(self, request: HttpRequest, kinds: list[FailureType]) -> HttpResponse:
        """Do what was asked with the group as it was shown; giving up asks for the reason first."""
        act = ACTS.get(request.POST.get("action", ""))
        newest = request.POST.get("newest", "")
        if act is None or not newest.isdecimal() or not all(name in request.POST for name in act.kind.keys):
            raise BadRequest("no such action, or no group")
        if act.kind not in kinds or not may(request, act.name):
            raise PermissionDenied
        rows = act.kind.members(request.POST, int(newest))
        if act.change is None:
            fields = [(name, request.POST[name]) for name in ("action", "newest", *act.kind.keys)]
            what = f"{request.POST['receiver']}: {labels.cause(request.POST['cause'])}"
            return self.give_up_all(request, rows, fields, self.page_url(FAILURES), what)
        chosen = act.kind.rows_for_display().filter(pk__in=list(rows.values_list("pk", flat=True)[:MAX_AT_ONCE]))
        count = self.apply_and_log(request, chosen, str(act.label), act.change)
        self.report_counts(request, count, act.done_text)
        return HttpResponseRedirect(self.page_url(FAILURES))


def statuses_in_words(group: FailureGroup) -> Iterator[str]:
    """Yield the number of rows in each status."""
    labels = dict(group.kind.model.Status.choices)
    for status, count in group.by_status.items():
        yield f"{labels[status]}: {count}"


def title_of(row: Any) -> str:
    """Return the title of an example."""
    if isinstance(row, Message):
        name = f"{row.get_topic_display()} {row.increment_id}".strip() or str(row._meta.verbose_name)
        return f"{name}, {display.value(row.received_at)}"
    return f"{labels.event(row.event)} {row.event.increment_id}"


def error_of(row: Any) -> str:
    """Return the first line of its error, in words if it has them."""
    text = labels.error(row) if isinstance(row, Message) else row.last_error
    return labels.first_line(str(text), persons=True)
