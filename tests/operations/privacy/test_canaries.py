"""The canary drill: after an erasure nothing of ours holds a text of hers; all of the others' are there."""

import io

import pytest
from django.core.management import call_command

from stockhub_webhooks.models import Erasure, Message, Order
from stockhub_webhooks.models.lock import Lock
from stockhub_webhooks.operations import search_index
from stockhub_webhooks.operations.worker import Worker
from stockhub_webhooks.receiving import journal_copy
from tests.operations.privacy import canaries
from tests.operations.privacy.canaries import body, found, number_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(post, hear, tmp_path, settings):
    """A shop full of canaries, and the directories with files of ours."""
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {
        "SPOOL_DIR": str(tmp_path / "spool"),
        "ERASURE_LOG": str(tmp_path / "log" / "erasures.jsonl"),
        "JOURNAL_COPY_DIR": str(tmp_path / "copies"),
        "KEEP_REFUSED": 1000,
    }
    (tmp_path / "log").mkdir()
    canaries.fill(post, hear, tmp_path)
    yield tmp_path / "spool", tmp_path / "copies", tmp_path / "log"
    journal_copy.COPY.close()


def hours_later(shop):
    """Let the worker remove what it removes once in a while."""
    canaries.close_copies(shop[1])
    Lock.objects.all().delete()
    search_index.throttle.reset()
    Worker().once()


def erase(*arguments, **options):
    out = io.StringIO()
    call_command("stockhub_erase", *arguments, interactive=False, stdout=out, **options)
    return out.getvalue()


def test_after_an_erasure_nothing_of_hers_is_left_and_all_of_his_is(shop):
    hers, his = found("her", *shop), found("his", *shop)
    assert len(hers) == len(his) > 60
    erase(order=number_of("her", 1))
    assert found("her", shop[0], shop[2]) == set()
    assert found("her", shop[1])
    hours_later(shop)
    assert found("her", *shop) == set()
    assert found("his", *shop) == his
    order = Order.objects.get(increment_id=number_of("her", 1))
    assert (order.grand_total, order.po_number) == (
        Order.objects.get(increment_id=number_of("his", 1)).grand_total,
        "SHOP-her",
    )
    assert order.erased_at
    assert not Order.objects.filter(erased_at__isnull=False).exclude(pk=order.pk).exists()


def test_later_messages_of_every_kind_bring_nothing_back(shop, post, tmp_path):
    his = found("his", *shop)
    erase(order=number_of("her", 1))
    for topic in canaries.ALPHABETICAL:
        answer = post(topic, body(topic, "her", "later", updated_at="2026-11-20T10:00:00+00:00"))
        assert answer.status_code == 200
        post(topic, body(topic, "her", "later"), key="mistyped")
    post("order", canaries.json.dumps(body("order", "her", "later")).encode()[:-40])
    both = canaries.json.dumps([body("order", who, "latersplit") for who in ("her", "his")]).encode()
    assert post("any", both).json()["outcome"] == "split"
    canaries.spooled(tmp_path, "her")
    canaries.pull("her", "laterpull")
    canaries.ingest(tmp_path, "her")
    for path in (tmp_path / "spool").glob("*.broken"):
        path.unlink()
    call_command("stockhub_replay", order=number_of("her", 1), reason="again", verbosity=0)
    hours_later(shop)
    assert found("her", *shop) == set()
    assert his <= found("his", *shop)
    assert Message.objects.filter(increment_id=number_of("her", 1)).count() > 3


def test_erasures_are_repeated_after_a_backup_was_restored(shop, post, tmp_path):
    hers = found("her", *shop[:1])
    his = found("his", *shop[:1])
    stored = io.StringIO()
    call_command("dumpdata", "stockhub_webhooks", "contenttypes", "auth", "admin", stdout=stored)
    backup = tmp_path / "backup.json"
    backup.write_text(stored.getvalue())
    erase(order=number_of("her", 1))
    for model in (Message, Order, Erasure, *(canaries.apps.get_app_config("stockhub_webhooks").get_models())):
        model.objects.all().delete()
    call_command("loaddata", str(backup), verbosity=0)
    assert found("her") <= hers
    assert found("her")
    erase(again=str(tmp_path / "log" / "erasures.jsonl"))
    assert found("her", *shop[:1]) == set()
    assert found("his", *shop[:1]) == his
    assert Erasure.objects.get().order_numbers == [number_of("her", 1)]
