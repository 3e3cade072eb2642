"""Which refused bodies make room: a flood pushes out only its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockhub_webhooks.receiving.eviction import Kept, network_of, to_evict

STOCK_HUB = ("key", "192.0.2.0/24")
MOST = 100


def kept(*senders, size=100):
    return [Kept(pk, key, network, size, is_settled=False) for pk, (key, network) in enumerate(senders, 1)]


def floods(number):
    """The senders of floods of different kinds."""
    return {
        "one network": [(f"guess {n}", "198.51.100.0/24") for n in range(number)],
        "one network without a key": [("", "198.51.100.0/24")] * number,
        "many networks without a key": [("", f"10.0.{n}.0/24") for n in range(number)],
        "many networks with one key": [("guess", f"10.0.{n}.0/24") for n in range(number)],
        "each its own": [(f"guess {n}", f"10.0.{n}.0/24") for n in range(number)],
        "each its own, twice": [(f"guess {n // 2}", f"10.0.{n // 2}.0/24") for n in range(number)],
        "few networks, much each": [(f"guess {n % 3}", f"10.0.{n % 3}.0/24") for n in range(number)],
    }


@pytest.mark.parametrize("kind", floods(1))
@pytest.mark.parametrize("where", ["before", "after", "between"])
def test_flood_pushes_out_only_its_own(kind, where):
    flood, ours = floods(MOST)[kind], [STOCK_HUB] * 12
    rows = kept(*{
        "before": [*ours, *flood], "after": [*flood, *ours], "between": [*flood[:50], *ours, *flood[50:]],
    }[where])  # fmt: skip
    removed = to_evict(rows, MOST, 10**9)
    assert len(removed) == 12
    assert not [row for row in removed if row.sender == STOCK_HUB]


# without anything accepted before, a single message of Stock Hub cannot be told apart from those of "each its own"
@pytest.mark.parametrize(
    ("kind", "is_known"),
    [(kind, True) for kind in floods(1)] + [(kind, False) for kind in floods(1) if not kind.startswith("each its own")],
)
def test_each_message_of_stock_hub_is_kept_while_a_flood_goes_on(kind, is_known):
    rows, lost = [], 0
    for number, sender in enumerate(floods(600)[kind]):
        rows.append(Kept(2 * number, *sender, 100, is_settled=False))
        if number % 60 == 0:  # as many as are kept of one key and network
            rows.append(Kept(2 * number + 1, *STOCK_HUB, 100, is_settled=False))
        removed = to_evict(rows, MOST, 10**9, {STOCK_HUB[1]} if is_known else ())
        lost += len([row for row in removed if row.sender == STOCK_HUB])
        rows = [row for row in rows if row not in removed]
    assert len(rows) == MOST
    assert lost == 0


def test_settled_rows_go_first():
    rows = kept(*[STOCK_HUB] * 5)
    rows[3] = rows[3]._replace(is_settled=True)
    assert to_evict(rows, 4, 10**9) == [rows[3]]
    assert to_evict(rows, 3, 10**9) == [rows[3], rows[0]]


@given(
    st.lists(st.tuples(st.sampled_from(["", "a", "b"]), st.sampled_from("xyz"), st.integers(0, 900), st.booleans())),
    st.integers(0, 20),
    st.integers(0, 5000),
)
def test_what_is_left_is_within_the_limits_and_no_more_is_removed(described, most, most_bytes):
    rows = [Kept(pk, *values) for pk, values in enumerate(described)]
    removed = to_evict(rows, most, most_bytes)
    assert len({row.pk for row in removed}) == len(removed)
    left = [row for row in rows if row not in removed]
    assert len(left) <= most
    assert sum(row.size for row in left) <= most_bytes
    if removed:  # the last one was needed
        with_last = [*left, removed[-1]]
        assert len(with_last) > most or sum(row.size for row in with_last) > most_bytes


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
        ("unknown", ""),
    ],
)
def test_network_of_an_address(address, network):
    assert network_of(address) == network
