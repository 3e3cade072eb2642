"""Refused messages by key and network: let in, dismissed, or muted as a group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from stockhub_webhooks.admin import display
from stockhub_webhooks.admin.base import ReadOnlyAdmin
from stockhub_webhooks.admin.reason_page import Decision, ask_reason, selection
from stockhub_webhooks.admin.replay_request import ids_in
from stockhub_webhooks.admin.sites import may_view
from stockhub_webhooks.models import MutedSender, RefusedBody
from stockhub_webhooks.models.message import Topic
from stockhub_webhooks.office.access import may
from stockhub_webhooks.operations import release
from stockhub_webhooks.receiving import refused_bodies

DECIDE = "stockhub_webhooks_refusedbody_decide"
RELEASE = "stockhub_webhooks_refusedbody_release"

NOTHING = _("These were let in or dismissed already, or are not kept any more.")
DISMISSED = ngettext_lazy(
    "%(count)d refused message was dismissed.", "%(count)d refused messages were dismissed.", "count"
)
DISMISS = Decision(
    title=_("Dismiss"),
    explanation=ngettext_lazy(
        "%(count)d refused message will not be let in: it is deleted without anybody being warned of it.",
        "%(count)d refused messages will not be let in: they are deleted without anybody being warned of them.",
        "count",
    ),
    done=DISMISSED,
    nothing=NOTHING,
    log=_("dismissed: %(reason)s"),
    change=refused_bodies.dismiss,
)
MUTE = Decision(
    title=_("Mute"),
    explanation=ngettext_lazy(
        "%(count)d refused message will not be let in. What this sender sends from now on is refused and counted as "
        "before, but neither kept nor reported. If it is Stock Hub, its messages are lost.",
        "%(count)d refused messages will not be let in. What this sender sends from now on is refused and counted as "
        "before, but neither kept nor reported. If it is Stock Hub, its messages are lost.",
        "count",
    ),
    done=ngettext_lazy(
        "The sender is muted, and %(count)d refused message was dismissed.",
        "The sender is muted, and %(count)d refused messages were dismissed.",
        "count",
    ),
    nothing=NOTHING,
    log=_("muted: %(reason)s"),
    change=refused_bodies.dismiss,  # `muting` adds the sender
)
LABELS = {
    "dismiss": _("dismiss …"),
    "mute_key": _("mute this key …"),
    "mute_network": _("mute this network …"),
}


class RefusedGroupsPage(ReadOnlyAdmin):
    """Adds to the admin of refused messages what can be done with a group of them."""

    def has_dismiss_refused_permission(self, request: HttpRequest) -> bool:
        """Check a permission of its own, because what is dismissed is deleted."""
        return may(request, "dismiss_refused")

    def get_urls(self) -> list[Any]:
        return [
            path("decide/", self.admin_site.admin_view(self.decide_view), name=DECIDE),
            *super().get_urls(),
        ]

    @admin.action(description=_("dismiss …"), permissions=["dismiss_refused"])
    def dismiss_refused(self, request: HttpRequest, queryset: QuerySet[RefusedBody]) -> HttpResponse:
        """Ask for a reason, and dismiss the chosen messages that are undecided."""
        undecided = queryset.filter(message=None, dismissed_at=None)
        return ask_reason(self, request, undecided, DISMISS, hidden=selection(request), back=request.get_full_path())

    def decide_view(self, request: HttpRequest) -> HttpResponse:
        """Dismiss the group that the page showed, or mute its key or network; asks for a reason first."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not (self.has_dismiss_refused_permission(request) and self.has_view_permission(request)):
            raise PermissionDenied
        action, newest = request.POST.get("action", ""), ids_in(request.POST.get("newest", ""))
        if action not in LABELS or not newest:
            raise BadRequest("no such action, or no group")
        key, network = (request.POST.get(name, "") for name in ("key", "network"))
        fields = [("action", action), ("key", key), ("network", network)]
        rows, decision, what = chosen(action, key, network)
        back = self.page_url(RELEASE)
        return ask_reason(self, request, rows.filter(pk__lte=newest[0]), decision, hidden=fields, back=back, what=what)

    def groups_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return the context of the page of groups."""
        may_decide, may_release = self.has_dismiss_refused_permission(request), may(request, "release")
        return {
            "title": _("Refused messages, by key and network"),
            "groups": [self.shown(group, may_release=may_release) for group in release.groups()],
            "decide_url": self.page_url(DECIDE) if may_decide else "",
            "pushed_out": release.pushed_out(),
            "muted": MutedSender.objects.using(release.waiting().db).count(),
            "muted_url": self.page_url("stockhub_webhooks_mutedsender_changelist")
            if may_view(request, MutedSender)
            else "",
        }

    def shown(self, group: release.Group, *, may_release: bool) -> dict[str, Any]:
        """Return a group for the template."""
        labels = dict(Topic.choices)
        return {
            "group": group,
            "topics": ", ".join(
                f"{labels[topic]}: {count}" if len(group.by_topic) > 1 else str(labels[topic])
                for topic, count in group.by_topic.items()
            ),
            "release_url": f"{self.page_url(RELEASE)}?{urlencode(parameters_of(group))}" if may_release else "",
            "network": group.network or display.EMPTY,
            "key": group.key_fingerprint or _("none"),
            "actions": list(actions_of(group)),
        }


def parameters_of(group: release.Group) -> dict[str, Any]:
    """Return the parameters of the page that lets a group in."""
    return {"key": group.key_fingerprint, "network": group.network, "newest": group.newest}


def actions_of(group: release.Group) -> Iterator[tuple[str, Any]]:
    """Yield name and label of what can be done with a group, besides letting it in."""
    for name, label in LABELS.items():
        if {"mute_key": group.key_fingerprint, "mute_network": group.network}.get(name, "any"):
            yield name, label


def chosen(action: str, key: str, network: str) -> tuple[QuerySet[RefusedBody], Decision, str]:
    """Return the undecided messages that an action concerns, the decision, and what they have in common."""
    waiting = release.waiting()
    if action == "mute_key" and key:
        return waiting.filter(key_fingerprint=key), muting(key_fingerprint=key), key
    if action == "mute_network" and network:
        return waiting.filter(network=network), muting(network=network), network
    if action != "dismiss":
        raise BadRequest("no key or network to mute")
    return waiting.of_sender(key, network), DISMISS, f"{key or _('none')}, {network or display.EMPTY}"


def muting(**sender: str) -> Decision:
    """Return the decision to mute a sender and dismiss what the page counted."""

    def change(pks: list[int], *, by: str, reason: str) -> int:
        refused_bodies.mute(**sender, by=by, reason=reason)
        return refused_bodies.dismiss(pks, by=by, reason=reason)

    return replace(MUTE, change=change)
