"""Which kept bodies make room, so that a flood of refused messages pushes out only its own.

Pure functions on short descriptions of the rows. A *sender* is a key from a network. A flood that exceeds the limit in
all has many senders: many keys from one network, many networks with one key, or both. Stock Hub has few.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

FLOOD = 10  # a network with more keys than this, or a key with more networks, floods


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


def surplus(rows: Iterable[Kept], most: int, most_bytes: int, known: Collection[str] = ()) -> list[Kept]:
    """Return the rows that make room, so that at most `most` of them with at most `most_bytes` are left.

    Args:
        rows: all kept bodies, the oldest first.
        most: their largest number.
        most_bytes: their largest size together.
        known: networks that messages were accepted from, whose rows go last.
    """
    left = list(rows)
    removed: list[Kept] = []
    count, size = len(left), sum(row.size for row in left)
    while left and (count > most or size > most_bytes):
        for row in _victims(left, known):
            removed.append(row)
            count, size = count - 1, size - row.size
            if count <= most and size <= most_bytes:
                break
        gone = set(removed)
        left = [row for row in left if row not in gone]
    return removed


def _victims(rows: Sequence[Kept], known: Collection[str]) -> Iterator[Kept]:
    """Yield the rows that go next, the oldest first: settled ones, else those of a typical sender of the flood.

    A typical sender has as many rows as the one that the row in the middle belongs to, if senders are sorted by their
    numbers of rows. Stock Hub's number is another one among many senders with a few rows each.
    """
    if settled := [row for row in rows if row.is_settled]:
        yield from settled
        return
    flood = _of_the_flood([row for row in rows if row.network not in known] or rows)
    numbers = Counter(row.sender for row in flood)
    typical = sorted(numbers[row.sender] for row in flood)[len(flood) // 2]
    yield from (row for row in flood if numbers[row.sender] == typical)


def _of_the_flood(rows: Sequence[Kept]) -> Sequence[Kept]:
    """Return the rows of the network with the most keys, or of the key with the most networks; all if none floods."""
    senders = {row.sender for row in rows}
    by_network = Counter(network for _key, network in senders)
    by_key = Counter(key for key, _network in senders)
    network, keys = by_network.most_common(1)[0]
    key, networks = by_key.most_common(1)[0]
    if max(keys, networks) <= FLOOD:
        return rows
    return [row for row in rows if (row.network == network if keys >= networks else row.key_fingerprint == key)]
