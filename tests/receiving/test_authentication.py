"""Authentication of senders by their key."""

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from stockhub_webhooks.exceptions import WrongKey
from stockhub_webhooks.receiving.authentication import authenticate, fingerprint

KEY = "the-key-of-the-tests-0123456789"


def keys(value, **more):
    return override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": value, **more})


def test_known_key_is_accepted():
    sender = authenticate(KEY)
    assert sender.account == "default"
    assert sender.key_fingerprint == fingerprint(KEY)
    assert KEY not in sender.key_fingerprint


@pytest.mark.parametrize(
    "header", [None, "", " ", KEY[:-1], KEY + "x", KEY.upper(), "null", f"{KEY},{KEY}x", "\x00", "é"]
)
def test_any_other_header_is_refused(header):
    with pytest.raises(WrongKey):
        authenticate(header)


def test_each_account_has_its_own_keys():
    with keys({"one": "key-of-one", "two": ["key-of-two", "next-key-of-two"]}):
        assert authenticate("key-of-one").account == "one"
        assert authenticate("key-of-two").account == "two"
        assert authenticate("next-key-of-two").account == "two"


def test_list_of_keys_belongs_to_the_default_account():
    with keys(["old", "new"]):
        assert authenticate("old").account == authenticate("new").account == "default"
        assert authenticate("old").key_fingerprint != authenticate("new").key_fingerprint


@pytest.mark.parametrize("value", ["", [], {}, [""], {"one": ""}, {"one": [None, "  "]}, None, 7, {"one": 7}])
@pytest.mark.parametrize("header", [None, "", " ", "7", "None"])
def test_no_configured_key_refuses_everything(value, header):
    with keys(value), pytest.raises(WrongKey):
        authenticate(header)


@override_settings(STOCKHUB_WEBHOOKS=None)
def test_no_settings_refuse_everything():
    with pytest.raises(WrongKey):
        authenticate("")


def test_a_key_may_hold_any_character():
    key = "sleutel-é-€-😀"
    with keys(key):
        assert authenticate(key.encode("utf-8").decode("latin-1"))  # as WSGI hands it over
        assert authenticate(key)  # as the test client does


def test_a_key_written_in_latin_1_is_known_too():
    with keys("sleutel-é"):
        assert authenticate("sleutel-é".encode("latin-1").decode("latin-1"))


def test_a_key_that_latin_1_cannot_hold_is_not_let_in_as_question_marks():
    with keys("€€€€€"), pytest.raises(WrongKey):
        authenticate("?????")


def test_requests_without_key_are_accepted_only_if_the_setting_says_so():
    with keys("", REQUIRE_API_KEY=False):
        assert authenticate(None) == ("default", "")
        assert authenticate("whatever") == ("default", "")
    with keys({"one": "key-of-one"}, REQUIRE_API_KEY=False):
        assert authenticate("key-of-one").account == "one"
    with keys("", REQUIRE_API_KEY="no"), pytest.raises(WrongKey):  # not a boolean: fail closed
        authenticate(None)


@given(st.text(max_size=40))
def test_invalid_header_is_refused_without_an_error(header):
    if header.strip() != KEY:
        with pytest.raises(WrongKey):
            authenticate(header)


def test_every_key_is_compared_even_after_a_match(monkeypatch):
    compared = []
    import hmac

    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append(b) or real(a, b))
    with keys({"one": ["a1", "a2"], "two": "b1"}):
        authenticate("a1")
    assert compared == [b"a1", b"a2", b"b1"]
