"""The keys: the last message of each by topic, so that an old one can be removed without loss."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from stockhub_webhooks.admin import display, labels
from stockhub_webhooks.admin.base import ObjectTools, ReadOnlyAdmin
from stockhub_webhooks.conf import TEST_ACCOUNT
from stockhub_webhooks.contract import topics
from stockhub_webhooks.models.message import Topic
from stockhub_webhooks.operations.health.collect import collect_keys
from stockhub_webhooks.operations.key_rotation import KeyState, key_states

URL_NAME = "stockhub_webhooks_message_keys"
MAX_KEYS = 100


class KeysPage(ReadOnlyAdmin):
    """Adds the page of the keys to the admin of messages."""

    def get_urls(self) -> list[Any]:
        return [path("keys/", self.admin_site.admin_view(self.keys_view), name=URL_NAME), *super().get_urls()]

    def changelist_object_tools(self, request: HttpRequest) -> ObjectTools:
        return [*super().changelist_object_tools(request), (self.page_url(URL_NAME), _("keys"))]

    def keys_view(self, request: HttpRequest) -> HttpResponse:
        """Show each key with its last message by topic, and what can be done with it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        keys = [key for key in collect_keys() if key.account != TEST_ACCOUNT]
        states = key_states(keys[:MAX_KEYS])
        topic_labels = dict(Topic.choices)
        account = [_("account")] if self.shows_account() else []
        heads = [_("key used"), *account, _("state"), *(topic_labels[topic] for topic in topics.ALL)]
        rows = (
            (
                state.key.fingerprint,
                *([labels.account(state.key.account)] if self.shows_account() else []),
                state_in_words(state),
                *(display.short_time(state.key.last_by_topic.get(topic)) for topic in topics.ALL),
            )
            for state in states
        )
        context = {"title": _("Keys"), "table": display.table([capfirst(str(head)) for head in heads], rows)}
        return self.render_page(request, "message/keys.html", context)


def state_in_words(state: KeyState) -> str:
    """Return what can be done with a key."""
    topic_labels = dict(Topic.choices)
    if not state.key.is_configured:
        return _("no longer configured")
    if state.is_waited_for:
        return _("not used yet")
    if state.is_removable:
        return _("not used any more, can be removed")
    if state.others and state.topics:
        return _("in use for: %(topics)s") % {
            "topics": ", ".join(str(topic_labels.get(topic, "?")) for topic in state.topics)
        }
    return _("in use") if state.key.last_used else _("not used yet")
