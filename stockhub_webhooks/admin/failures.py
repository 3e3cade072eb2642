"""Failures grouped by cause: a page with actions on all failures of one cause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from stockhub_webhooks.admin import causes, display, labels
from stockhub_webhooks.admin.base import ObjectTools
from stockhub_webhooks.admin.bulk_start import propose
from stockhub_webhooks.admin.dismiss_page import dismiss_all
from stockhub_webhooks.admin.give_up_page import GiveUpPage
from stockhub_webhooks.admin.sites import may_view
from stockhub_webhooks.models import Message
from stockhub_webhooks.office.access import may, may_see_persons
from stockhub_webhooks.operations.health import failure_groups
from stockhub_webhooks.operations.health.failure_groups import CALLS, FAILURE_TYPES, MESSAGES, FailureGroup, FailureType
from stockhub_webhooks.operations.health.problems import REAL, admin_link

FAILURES = "stockhub_webhooks_failures"
ERROR_LENGTH = 200


@dataclass(frozen=True)
class Action:
    """An action on a group of failures; `name` is also the permission that it needs."""

    name: str
    failure_type: FailureType
    label: Any


ACTIONS = {
    action.name: action
    for action in (
        Action("try_again", CALLS, _("try again")),
        Action("give_up", CALLS, _("give up …")),
        Action("process_again", MESSAGES, _("process again")),
        Action("dismiss", MESSAGES, _("dismiss …")),
    )
}
SEVERAL = {
    "error": ngettext_lazy("%(others)d receiver: %(value)s", "%(others)d receivers: %(value)s", "others"),
    "receiver": ngettext_lazy("%(value)s, %(others)d cause", "%(value)s, %(others)d causes", "others"),
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
        failure_types = [each for each in FAILURE_TYPES.values() if may_view(request, each.model)]
        if not failure_types:
            raise PermissionDenied
        if request.method == "POST":
            return self.act_on_group(request, failure_types)
        context = {
            "title": _("What failed, by its cause"),
            "sections": [self.section(request, each) for each in failure_types],
        }
        return self.render_page(request, "receivercall/failures.html", context)

    def section(self, request: HttpRequest, failure_type: FailureType) -> dict[str, Any]:
        """Return the groups of one failure type, and the actions that the user may run on them."""
        groups = failure_groups.find_groups(failure_type, failure_groups.MAX_GROUPS + 1)
        is_cut_off = len(groups) > failure_groups.MAX_GROUPS
        actions = [action for action in ACTIONS.values() if action.failure_type is failure_type]
        return {
            "title": failure_type.model._meta.verbose_name_plural,
            "name": failure_type.name,
            "several": list(several()) if failure_type is CALLS else [],
            "groups": [self.shown(request, group) for group in groups[: failure_groups.MAX_GROUPS]],
            "cut": failure_groups.MAX_GROUPS if is_cut_off else 0,
            "actions": [action for action in actions if may(request, action.name)],
        }

    def shown(self, request: HttpRequest, group: FailureGroup) -> dict[str, Any]:
        """Return a group in words; the text of its error may name a customer and is hidden from some users."""
        row, site = group.newest, self.admin_site.name
        return {
            "group": group,
            "cause": causes.in_words(group.key["cause"]),
            "place": display.breakable(causes.place(group.key["cause"])),
            "receiver": display.breakable(group.key.get("receiver", "")),
            "statuses": list(statuses_in_words(group)),
            "sample": title_of(row),
            "sample_url": self.page_url(f"stockhub_webhooks_{row._meta.model_name}_change", row.pk),
            "error": Truncator(error_of(row)).chars(ERROR_LENGTH) if may_see_persons(request) else "",
            "list_url": admin_link(row._meta.model_name, {f"{k}__exact": v for k, v in group.key.items()} | REAL, site),
        }

    # ------------------------------------------------------------ acting

    def act_on_group(self, request: HttpRequest, failure_types: list[FailureType]) -> HttpResponse:
        """Ask before an action is run on the failures that the page showed."""
        action = ACTIONS.get(request.POST.get("action", ""))
        newest = request.POST.get("newest", "")
        if action is None or not newest.isdecimal():
            raise BadRequest("no such action, or no group")
        failure_type = action.failure_type
        if failure_type not in failure_types or not may(request, action.name):
            raise PermissionDenied
        try:
            rows = failure_type.members(request.POST, int(newest))
        except KeyError:
            raise BadRequest("no such group") from None
        if action.name == "dismiss":
            fields = [(name, request.POST[name]) for name in ("action", "newest", *failure_type.keys)]
            what = causes.label(request.POST["cause"])
            return dismiss_all(self, request, rows, hidden=fields, back=self.page_url(FAILURES), what=what)
        return propose(self, request, action.name, rows) or HttpResponseRedirect(self.page_url(FAILURES))


def several() -> Iterator[dict[str, Any]]:
    """Yield groups that can be acted on together, for the template."""
    for each in failure_groups.find_several():
        value = causes.label(each.value) if each.name == "error" else each.value
        title = SEVERAL[each.name] % {"value": value, "others": each.others}
        yield {"title": title, "name": each.name, "value": each.value, "count": each.count, "newest": each.newest}


def statuses_in_words(group: FailureGroup) -> Iterator[str]:
    """Yield the number of rows in each status."""
    labels = dict(group.failure_type.model.Status.choices)
    for status, count in group.by_status.items():
        yield f"{labels[status]}: {count}"


def title_of(row: Any) -> str:
    """Return the title of the newest failure of a group."""
    if isinstance(row, Message):
        name = f"{row.get_topic_display()} {row.increment_id}".strip() or str(row._meta.verbose_name)
        return f"{name}, {display.value(row.received_at)}"
    return f"{labels.event(row.event)} {row.event.increment_id}"


def error_of(row: Any) -> str:
    """Return the first line of the row's error, in words if the error is a known one."""
    text = labels.error(row) if isinstance(row, Message) else row.last_error
    return labels.first_line(str(text), persons=True)
