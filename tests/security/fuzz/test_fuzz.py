"""Broken requests for a while: STOCKHUB_FUZZ_SECONDS of them, 3 by default, a minute in CI.

STOCKHUB_FUZZ_SEED repeats a run. What fails is kept in tests/samples/found, and sent again by every run from then on:
give the file a name that says what it was, and commit it together with the mend.
"""

import os
import random
import time
from itertools import islice

import pytest

from tests.security.fuzz.judgement import judge
from tests.security.fuzz.mutations import FOUND, Shot, load, shots

pytestmark = pytest.mark.django_db(databases="__all__")

SECONDS = float(os.environ.get("STOCKHUB_FUZZ_SECONDS", "3"))
SEED = int(os.environ.get("STOCKHUB_FUZZ_SEED", random.SystemRandom().randrange(10**9)))


@pytest.mark.timeout(SECONDS + 120)
def test_no_fuzzed_request_is_lost_or_answered_wrongly(client, staff):
    client.raise_request_exception = staff.raise_request_exception = False
    sent = shoot(shots(SEED), client, staff, time.monotonic() + SECONDS)
    print(f"{sent} broken requests, seed {SEED}")


def shoot(some, client, staff, end):
    """Send and judge requests until the time is over; return their number."""
    sent = 0
    for shot in some:
        try:
            judge(shot, client, staff)
        except Exception as fault:
            path = shot.save(f"seed {SEED} {type(fault).__name__} {hash(shot.body) & 0xFFFFFFFF:08x}")
            raise AssertionError(f"{shot} failed, seed {SEED}; it is kept as {path.name}") from fault
        sent += 1
        if time.monotonic() > end:
            break
    return sent


@pytest.mark.parametrize("path", sorted(FOUND.glob("*.json")), ids=lambda path: path.stem)
def test_former_findings_stay_fixed(path, client, staff):
    shot = load(path)
    judge(shot, client, staff)
    judge(shot, client, staff)


def test_same_seed_sends_the_same_requests():
    assert list(islice(shots(7), 50)) == list(islice(shots(7), 50))
    assert list(islice(shots(7), 50)) != list(islice(shots(8), 50))


def test_sample_is_stored_unchanged(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.security.fuzz.mutations.FOUND", tmp_path / "found")
    shot = Shot("order", b"\x00\xff", "PUT", {"HTTP_ACCEPT": "\u20ac"})
    assert load(shot.save("a name")) == shot


@pytest.mark.parametrize("status", [500, 503, 302])
def test_judgement_finds_a_wrong_answer(client, staff, status, monkeypatch, tmp_path):
    monkeypatch.setattr("tests.security.fuzz.mutations.FOUND", tmp_path)
    monkeypatch.setattr("stockhub_webhooks.views.answer", lambda *args, **options: _answer(status))
    with pytest.raises(AssertionError, match="seed "):
        shoot(shots(1), client, staff, time.monotonic() + 60)
    assert list(tmp_path.iterdir())


def _answer(status):
    from django.http import HttpResponse

    return HttpResponse(b"{}", status=status)
