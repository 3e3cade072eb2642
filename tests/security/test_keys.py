"""Authentication: all keys are compared, and only a whole key is accepted."""

import hmac
import json

import pytest
from django.test import override_settings

from stockhub_webhooks.contract import topics
from stockhub_webhooks.exceptions import WrongKey
from stockhub_webhooks.models import Message, Refusal
from stockhub_webhooks.receiving.authentication import authenticate
from tests.conftest import KEY, PREFIX
from tests.samples import contract

EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)
FIRST, MIDDLE, ACCENTED, LAST = (
    "first-key-0123456789",
    "middle-key-0123456789",
    "sleutel-é-0123456789",
    "last-0123456789",
)
ACCOUNTS = {"one": [FIRST, MIDDLE], "two": [ACCENTED], "three": LAST}
# é is written in two ways
COMPARED = [FIRST.encode(), MIDDLE.encode(), ACCENTED.encode(), ACCENTED.encode("latin-1"), LAST.encode()]


@pytest.fixture
def compared(monkeypatch):
    """Record the comparisons with `hmac.compare_digest`, as pairs of the given value and a key."""
    pairs = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda given, key: pairs.append((given, key)) or real(given, key))
    return pairs


def is_let_in(header):
    try:
        return bool(authenticate(header))
    except WrongKey:
        return False


@pytest.mark.parametrize(
    ("header", "welcome"),
    [
        (FIRST, True),
        (MIDDLE, True),
        (LAST, True),
        (ACCENTED.encode().decode("latin-1"), True),
        (ACCENTED, True),
        ("wrong", False),
        (FIRST[:-1], False),
        (FIRST + "x", False),
        ("é€😀", False),
        ("", False),
        (None, False),
        ("x" * 1_000_000, False),
    ],
)
def test_all_keys_are_compared_even_after_a_match(compared, header, welcome):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": ACCOUNTS}):
        assert is_let_in(header) == welcome
    assert [key for _given, key in compared] == COMPARED
    assert all(type(given) is type(key) is bytes for given, key in compared)
    assert len({given for given, _key in compared}) == 1


@pytest.mark.parametrize(
    "header",
    [
        f"{KEY}, wrong",
        f"{KEY},",
        f",{KEY}",
        f"{KEY}{KEY}",
        f"{KEY};{KEY}",
        f"{KEY},{KEY.upper()}",
        ",",
        ", ",
        f"wrong,{KEY}",
        f"Bearer {KEY}",
        f'"{KEY}"',
        KEY.upper(),
        KEY.title(),
        KEY.replace("-", "‐"),  # a hyphen that only looks the same
        KEY.translate({ord(sign): ord(sign) + 0xFEE0 for sign in "0123456789"}),  # full-width digits
        KEY + "\u200b",
        KEY + "\x00",
        KEY.replace("e", "e\u0301"),
        f"{KEY}\r\nx-api-key: {KEY}",
        " ",
        "\t",
        "\u00a0",
        "\u3000",
        "null",
        "None",
        "[]",
        "%00",
        "*",
    ],
)
def test_similar_key_is_refused(header):
    assert not is_let_in(header)


@pytest.mark.parametrize("comma", [",", ", "])
@pytest.mark.parametrize("key", [FIRST, LAST, ACCENTED, "a,a", "a,b", "p, q"])
def test_two_equal_headers_count_as_one(comma, key):
    joined = f"{key}{comma}{key}"
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": {"one": [FIRST, "a,a", key], "two": LAST}}):
        assert is_let_in(key)
        assert is_let_in(joined)
        assert authenticate(joined) == authenticate(key)
        assert not is_let_in(f"{joined}x")
        assert not is_let_in(f"x{joined}")


def test_two_equal_headers_are_compared_with_every_key(compared):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": ACCOUNTS}):
        assert is_let_in(f"{FIRST},{FIRST}")
        assert not is_let_in("wrong,wrong")
    assert [key for _given, key in compared] == [key for key in COMPARED for _ in range(2)] * 2


@pytest.mark.parametrize(
    ("configured", "given"), [("sleutel-e\u0301-0123", "sleutel-\u00e9-0123"), ("ﬁ-key", "fi-key")]
)
def test_keys_are_compared_as_bytes(configured, given):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": configured}):
        assert is_let_in(configured)
        assert not is_let_in(given)
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": given}):
        assert not is_let_in(configured)


@pytest.mark.parametrize("blank", ["", " ", "\t", "\u00a0", "\u3000", "\n"])
@pytest.mark.parametrize("header", [None, "", " ", "\t", "\u00a0", "\x00"])
def test_blank_key_is_no_key(blank, header):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": {"one": blank, "two": [blank, blank]}}):
        assert not is_let_in(header)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "place",
    [
        {"query_params": {"x-api-key": KEY, "api_key": KEY, "key": KEY}},
        {"X_API_KEY": KEY},
        {"HTTP_X-API-KEY": KEY},
        {"HTTP_x_api_key": KEY},
        {"HTTP_API_KEY": KEY, "HTTP_X_APIKEY": KEY, "HTTP_XAPIKEY": KEY},
        {"HTTP_AUTHORIZATION": f"Bearer {KEY}"},
        {"HTTP_COOKIE": f"x-api-key={KEY}; sessionid={KEY}"},
        {"HTTP_X_FORWARDED_X_API_KEY": KEY},
        {"REMOTE_USER": KEY},
    ],
)
def test_key_outside_of_its_header_is_refused(post, place):
    for topic in topics.ALL:
        assert post(topic, key=None, **place).status_code == 401
    assert not Message.objects.exists()
    assert Refusal.objects.get().reason == "no_key"


@pytest.mark.django_db
@EACH_TOPIC
def test_key_in_the_body_is_refused(post, topic):
    assert post(topic, contract(topic) | {"x-api-key": KEY, "api_key": KEY}, key=None).status_code == 401


@pytest.mark.django_db
@EACH_TOPIC
def test_very_long_key_is_refused_and_not_stored(client, topic):
    answer = client.post(PREFIX + topic, b"{}", content_type="application/json", headers={"x-api-key": "k" * 1_000_000})
    assert answer.status_code == 401
    assert len(answer.content) < 1000
    assert len(Refusal.objects.get().key_fingerprint) == 12


@pytest.mark.django_db
def test_answer_to_a_wrong_key_reveals_nothing_about_the_right_one(post):
    answers = [post("order", key=key) for key in ("x", KEY[:-1], KEY + "x", "é", " ", None)]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert KEY[:4] not in json.dumps(answers[0].json())


@pytest.mark.django_db
@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": ACCOUNTS})
def test_key_gives_access_to_its_own_account_only(post):
    for account, key in (("one", FIRST), ("one", MIDDLE), ("three", LAST)):
        assert post("order", key=key, headers={"x-account": "two"}).status_code == 200
        assert Message.objects.latest("pk").account == account
