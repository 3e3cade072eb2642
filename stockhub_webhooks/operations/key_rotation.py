"""Which key each topic used last, and so which addresses of Stock Hub still use an old key.

A key is changed without loss by configuring two for a while: Winkelstraat sets the new one for six addresses, perhaps
not at once, and only then the old one is removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from stockhub_webhooks.conf import TEST_ACCOUNT
from stockhub_webhooks.contract import topics
from stockhub_webhooks.operations.health.report import KeyUse, RefusedGroup


@dataclass(frozen=True)
class KeyState:
    """A key beside others of its account.

    Attributes:
        key: the key, with the time of its last message by topic.
        others: True if its account has another key that is configured.
        topics: topics whose last message came with this key, each with its time.
        is_removable: True if other keys of the account took over each topic that this key ever had.
        refused: the number of refused messages with this key that wait for a decision.
    """

    key: KeyUse
    others: bool
    topics: Mapping[str, datetime]
    is_removable: bool
    refused: int = 0

    @property
    def is_waited_for(self) -> bool:
        """True if the key is configured beside another one, and was never used."""
        return self.key.is_configured and self.others and self.key.last_used is None

    @property
    def was_removed_too_early(self) -> bool:
        """True if the key is not configured any more, and messages with it were refused."""
        return not self.key.is_configured and self.refused > 0


def key_states(keys: Iterable[KeyUse], refused: Iterable[RefusedGroup] = ()) -> list[KeyState]:
    """Return the state of each key of the real accounts.

    Args:
        keys: the keys that are configured, and those that messages came with.
        refused: the groups of refused messages.
    """
    real = [key for key in keys if key.account != TEST_ACCOUNT]
    counts: dict[str, int] = {}
    for group in refused:
        counts[group.key_fingerprint] = counts.get(group.key_fingerprint, 0) + group.count
    return [_state(key, real, counts.get(key.fingerprint, 0)) for key in real]


def _state(key: KeyUse, keys: list[KeyUse], refused: int) -> KeyState:
    others = [other for other in keys if other.account == key.account and other is not key and other.is_configured]
    own = dict(_last_of(key, others))
    is_removable = key.is_configured and bool(others) and key.last_used is not None and not own
    return KeyState(key, bool(others), own, is_removable, refused)


def _last_of(key: KeyUse, others: list[KeyUse]) -> Iterator[tuple[str, datetime]]:
    """Yield the topics whose last message came with this key."""
    for topic, at in key.last_by_topic.items():
        if all(topic not in other.last_by_topic or other.last_by_topic[topic] < at for other in others):
            yield topic, at


def unseen_topics(keys: Iterable[KeyUse]) -> list[str]:
    """Return the topics of which no message ever came with any of these keys."""
    seen = {topic for key in keys for topic in key.last_by_topic}
    return [topic for topic in topics.ALL if topic not in seen]
