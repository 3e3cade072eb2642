"""Choice of the kept bodies that are evicted, so that a flood of refused messages evicts its own bodies only.

The functions are pure: they work on short descriptions of the rows. A *sender* is a key from a network. A flood that
exceeds the limit for all has many senders: many keys from one network, many networks with one key, or both. Stock Hub
has few.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

MAX_SENDERS = 10  # a network with more keys than this, or a key with more networks, is a flood


class Kept(NamedTuple):
    """A kept body: its primary key, sender and size; `is_settled` if it was let in or dismissed."""

    pk: int
    key_fingerprint: str
    network: str
    size: int
    is_settled: bool

    @property
    def sender(self) -> tuple[str, str]:
        """The key and the network."""
        return self.key_fingerprint, self.network


def network_of(address: str) -> str:
    """Return the /24 of an address of IPv4, the /64 of one of IPv6; "" if the text is no address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(ipaddress.ip_network(f"{parsed}/{24 if parsed.version == 4 else 64}", strict=False))


def to_evict(rows: Iterable[Kept], max_rows: int, max_bytes: int, known: Collection[str] = ()) -> list[Kept]:
    """Return the rows to delete, so that at most `max_rows` rows with at most `max_bytes` are left.

    Args:
        rows: all kept bodies, the oldest first.
        max_rows: the number of rows that may stay.
        max_bytes: the size of all rows that may stay.
        known: networks that messages were accepted from; their rows are evicted last.
    """
    left = list(rows)
    removed: list[Kept] = []
    count, size = len(left), sum(row.size for row in left)
    while left and (count > max_rows or size > max_bytes):
        for row in _next_to_evict(left, known):
            removed.append(row)
            count, size = count - 1, size - row.size
            if count <= max_rows and size <= max_bytes:
                break
        gone = set(removed)
        left = [row for row in left if row not in gone]
    return removed


def _next_to_evict(rows: Sequence[Kept], known: Collection[str]) -> Iterator[Kept]:
    """Yield the rows to evict next, the oldest first: settled ones, else those of the typical senders of the flood.

    Each row has the number of rows that its sender has. Typical senders are those with the median of these numbers:
    Stock Hub has another number of rows than the many senders of a flood, which have a few rows each.
    """
    if settled := [row for row in rows if row.is_settled]:
        yield from settled
        return
    flood = _flood_among([row for row in rows if row.network not in known] or rows)
    numbers = Counter(row.sender for row in flood)
    median = sorted(numbers[row.sender] for row in flood)[len(flood) // 2]
    yield from (row for row in flood if numbers[row.sender] == median)


def _flood_among(rows: Sequence[Kept]) -> Sequence[Kept]:
    """Return the rows of the network with the most keys, or of the key with the most networks; all if none floods."""
    senders = {row.sender for row in rows}
    by_network = Counter(network for _key, network in senders)
    by_key = Counter(key for key, _network in senders)
    network, keys = by_network.most_common(1)[0]
    key, networks = by_key.most_common(1)[0]
    if max(keys, networks) <= MAX_SENDERS:
        return rows
    return [row for row in rows if (row.network == network if keys >= networks else row.key_fingerprint == key)]
