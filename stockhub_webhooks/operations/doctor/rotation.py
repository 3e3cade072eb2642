"""Examination of the keys: which address still uses an old one, and when the old one can be removed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from stockhub_webhooks.models import Topic
from stockhub_webhooks.operations.doctor.findings import Verdict, fine, problem, warning
from stockhub_webhooks.operations.health.problems import Level, format_time
from stockhub_webhooks.operations.health.report import ANY, Report
from stockhub_webhooks.operations.key_rotation import KeyState, key_states, unseen_topics


def examine_keys(report: Report) -> Iterator[Verdict]:
    """Report the last use of each key by topic, and walk through a change of keys."""
    states = key_states(report.keys, report.refusals.groups)
    for state in states:
        yield fine("key", _use(state))
    for state in states:
        yield from _steps(state, states)


def _use(state: KeyState) -> str:
    key = state.key
    times = [f"{topic_label(topic)} {format_time(at)}" for topic, at in key.last_by_topic.items()]
    text = _("Key %(key)s of account %(account)s: %(times)s.")
    if not key.is_configured:
        text = _("Key %(key)s of account %(account)s, no longer configured: %(times)s.")
    return text % {"key": key.fingerprint, "account": key.account, "times": ", ".join(times) or _("not used yet")}


def _steps(state: KeyState, states: list[KeyState]) -> Iterator[Verdict]:
    key = state.key
    names = {"key": key.fingerprint, "account": key.account}
    if state.was_removed_too_early:
        text = ngettext(
            "Key %(key)s is no longer configured, and %(count)d message with it was refused.",
            "Key %(key)s is no longer configured, and %(count)d messages with it were refused.",
            state.refused,
        )
        todo = _("Put this key back into API_KEYS until all addresses have the new one, and let the messages in.")
        yield problem("key_removed_too_early", text % {**names, "count": state.refused}, todo)
    if not (state.others and key.is_configured):
        return
    mates = [other.key for other in states if other.key.account == key.account]
    if state.is_waited_for:
        text = _("Key %(key)s of account %(account)s was not used yet.")
        todo = _("Ask Winkelstraat to send this key with every address. Keep the other one until then.")
        yield warning("key_not_used", text % names, todo)
    elif state.is_removable:
        text = _("Key %(key)s of account %(account)s is not used any more: other keys came later, for each topic.")
        todo = _("Remove key %(key)s from API_KEYS.") % names
        if unseen := unseen_topics(mates):
            todo = _("Ask Winkelstraat whether the addresses for %(topics)s have the new key, then remove %(key)s.") % {
                **names, "topics": labels(unseen),
            }  # fmt: skip
        yield Verdict(Level.OK, text % names, todo, "key_removable")
    elif any(other.last_used and key.last_used and other.last_used > key.last_used for other in mates):
        text = _("These addresses still use key %(key)s of account %(account)s: %(topics)s.")
        todo = _("Ask Winkelstraat to set the new key for %(topics)s, and keep key %(key)s until a message came.")
        values = {**names, "topics": labels(state.topics)}
        yield warning("key_still_used", text % values, todo % values)


def topic_label(topic: str) -> str:
    """Return the topic in words."""
    return "?" if topic == ANY else str(dict(Topic.choices).get(topic, topic))


def labels(topics: Iterable[str]) -> str:
    """Return topics in words."""
    return ", ".join(map(topic_label, topics))
