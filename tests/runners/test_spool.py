"""Test that web processes empty their own spool, whatever the runner is."""

import pytest
from django.test import override_settings

from stockhub_webhooks.models import Message
from stockhub_webhooks.receiving import journal, spool, spool_import
from tests.conftest import KEY
from tests.outages.spooling import spooled

pytestmark = pytest.mark.django_db(transaction=True)


class OwnRunner:
    """A host's own runner."""

    applies_in_request = False
    woken = 0

    def after_answer(self, message):
        """Fail, as a host's code may."""
        raise RuntimeError("the shop's own")

    def wake(self):
        """Count the wake-ups."""
        type(self).woken += 1


RUNNERS = ("inline", "worker", "celery", "tasks", "tests.runners.test_spool.OwnRunner")


@pytest.fixture(params=RUNNERS)
def runner(request, tmp_path):
    """Use each runner, with a spool."""
    settings = {"API_KEYS": KEY, "RUNNER": request.param, "SPOOL_DIR": str(tmp_path / "spool")}
    with override_settings(STOCKHUB_WEBHOOKS=settings):
        yield request.param


def test_web_process_empties_its_spool_after_an_answer(runner, post):
    path = spool.write(spooled(7))
    assert post("order").status_code in (200, 202)
    assert not path.exists()
    assert Message.objects.count() == 2


def test_imported_messages_wake_a_runner_of_the_host(post, tmp_path):
    settings = {"API_KEYS": KEY, "RUNNER": RUNNERS[-1], "SPOOL_DIR": str(tmp_path / "spool")}
    with override_settings(STOCKHUB_WEBHOOKS=settings):
        spool.write(spooled(7))
        before = OwnRunner.woken
        post("order")
    assert OwnRunner.woken == before + 1


def test_large_spool_takes_a_short_slice_of_each_answer(post, tmp_path, monkeypatch):
    now = [0.0]
    real = journal.commit
    monkeypatch.setattr(spool_import.time, "monotonic", lambda: now[0])

    def commit(message, **options):
        now[0] += 0.03
        real(message, **options)

    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker", "SPOOL_DIR": str(tmp_path)}):
        for number in range(10):
            spool.write(spooled(number))
        monkeypatch.setattr(spool_import.journal, "commit", commit)
        began = now[0]
        spool_import.import_after_answer()
        assert now[0] - began <= spool_import.SLICE_SECONDS + 0.03
        left = len(list(spool.files()))
        assert left == 6
        spool_import.import_after_answer()
        assert len(list(spool.files())) == left  # a pause follows each slice
        now[0] += 1
        spool_import.import_after_answer()
        assert len(list(spool.files())) == 2


def test_thousands_of_files_hold_an_answer_up_for_a_moment_only(post, tmp_path):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker", "SPOOL_DIR": str(tmp_path)}):
        template = spool.write(spooled(0)).read_text()
        for number in range(5300):
            (tmp_path / f"{number:08d}.json").write_text(template)
        assert len(spool.scan().waiting) == 5301
        assert post("order").status_code == 202
        assert len(spool.scan().waiting) > 0  # the rest is left to later answers
