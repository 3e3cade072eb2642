"""The remote address: headers are trusted only if they are from the shop's own proxies."""

import pytest
from django.test import RequestFactory

from stockhub_webhooks.models import Message, Refusal, RefusedBody
from stockhub_webhooks.receiving.incoming import remote_address
from tests.conftest import KEY

PEER = "192.0.2.1"
SPOOFS = {
    "HTTP_X_FORWARDED_FOR": "203.0.113.9",
    "HTTP_X_REAL_IP": "203.0.113.9",
    "HTTP_FORWARDED": "for=203.0.113.9",
    "HTTP_CLIENT_IP": "203.0.113.9",
    "HTTP_CF_CONNECTING_IP": "203.0.113.9",
    "HTTP_X_CLUSTER_CLIENT_IP": "203.0.113.9",
    "HTTP_TRUE_CLIENT_IP": "203.0.113.9",
}


def trusting(settings, proxies):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "TRUSTED_PROXIES": proxies}


def seen(forwarded_for, peer=PEER):
    request = RequestFactory().post("/", REMOTE_ADDR=peer)
    if forwarded_for is not None:
        request.META["HTTP_X_FORWARDED_FOR"] = forwarded_for
    return remote_address(request)


@pytest.mark.parametrize("forwarded_for", [None, "203.0.113.9", "203.0.113.9, 198.51.100.2", "<script>", "x" * 100_000])
def test_without_trusted_proxies_no_header_is_trusted(forwarded_for):
    assert seen(forwarded_for) == PEER


@pytest.mark.parametrize("header", SPOOFS)
@pytest.mark.parametrize("proxies", [0, 1])
def test_messages_and_refusals_have_the_real_address(settings, post, db, header, proxies):
    trusting(settings, proxies)
    believed = "203.0.113.9" if proxies and header == "HTTP_X_FORWARDED_FOR" else PEER
    spoof = {header: SPOOFS[header], "REMOTE_ADDR": PEER}
    post("order", **spoof)
    post("order", key="wrong", **spoof)
    assert Message.objects.get().remote_address == believed
    assert Refusal.objects.get().remote_address == believed
    assert RefusedBody.objects.get().remote_address == believed


@pytest.mark.parametrize(
    ("proxies", "forwarded_for", "expected"),
    [
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "10.0.0.1, 203.0.113.9", "203.0.113.9"),  # the first is what the sender claims
        (1, "127.0.0.1,127.0.0.1 , 203.0.113.9 ", "203.0.113.9"),
        (2, "10.0.0.1, 203.0.113.9, 198.51.100.2", "203.0.113.9"),
        (2, "203.0.113.9, 198.51.100.2", "203.0.113.9"),
        (3, "203.0.113.9, 198.51.100.2", PEER),  # not through all of our proxies
        (1, "203.0.113.9:51234", "203.0.113.9"),
        (1, "[2001:db8::1]:443", "2001:db8::1"),
        (1, "[2001:db8::1]", "2001:db8::1"),
        (1, "2001:0DB8:0:0::1", "2001:db8::1"),
        (1, "fe80::1%<script>", "fe80::1"),
        (1, "::ffff:203.0.113.9", "::ffff:203.0.113.9"),
    ],
)
def test_trusted_entries_are_counted_from_the_right(settings, proxies, forwarded_for, expected):
    trusting(settings, proxies)
    assert seen(forwarded_for).replace("cb00:7109", "203.0.113.9") == expected


@pytest.mark.parametrize(
    "forwarded_for",
    [
        None,
        "",
        " ",
        ",",
        "203.0.113.9,",
        "unknown",
        "_hidden",
        "<script>alert(1)</script>",
        "203.0.113.999",
        "203.0.113",
        "٢٠٣.0.113.9",
        "203.0.113.9:port",
        "[203.0.113.9",
        "[]",
        "203.0.113.9\x00",
        "1" * 100_000,
        "203.0.113.9, " + "x" * 100_000,
        ":" * 100_000,
        "[" * 100_000,
    ],
)
def test_invalid_address_falls_back_to_the_connection(settings, forwarded_for):
    trusting(settings, 1)
    assert seen(forwarded_for) == PEER


@pytest.mark.parametrize("proxies", [-1, -(10**9), "1", None, 1.0, [1]])
def test_invalid_number_of_proxies_trusts_none(settings, proxies):
    trusting(settings, proxies)
    assert seen("203.0.113.9") == PEER


def test_very_large_number_of_proxies_breaks_nothing(settings):
    trusting(settings, 10**9)
    assert seen("203.0.113.9") == PEER


@pytest.mark.parametrize("peer", ["", None, "unix:", "x" * 1000])
def test_any_remote_address_fits_its_column(peer):
    assert len(seen(None, peer)) <= 45
