"""The copy of the journal: each accepted message, before the answer; and back again after a restore."""

import io
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.core.management.color import no_style
from django.core.serializers import sort_dependencies
from django.db import connection

from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import RMA, Event, Message, Order, ReceiverCall, Shipment, Track
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.rules import find_problems
from stockhub_webhooks.operations.privacy.sweep import Sweep
from stockhub_webhooks.receiving import journal_copy
from stockhub_webhooks.receiving.journal_copy import COPY, JournalCopy
from stockhub_webhooks.testing import LIVES, life, play, run_pending
from tests.operations.test_checks import results

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(settings, tmp_path):
    folder = tmp_path / "copy"
    settings.STOCKHUB_WEBHOOKS = {**settings.STOCKHUB_WEBHOOKS, "JOURNAL_COPY_DIR": folder}
    yield folder
    COPY.close()


def lines(folder):
    return [json.loads(line) for path in journal_copy.files(folder) for line in path.read_text().splitlines()]


def ingest(*arguments):
    out = io.StringIO()
    call_command("stockhub_ingest", *map(str, arguments), stdout=out, stderr=io.StringIO())
    run_pending()
    return out.getvalue()


def wipe():
    for model in (ReceiverCall, Event, Message, RMA, Shipment, Order):
        model.objects.all().delete()


def test_no_copy_is_made_by_default(post, tmp_path):
    assert post("order").status_code == 200
    assert journal_copy.directory() is None


@pytest.mark.parametrize("topic", topics.ALL)
def test_each_accepted_message_is_in_the_copy_when_it_is_answered(post, folder, topic):
    answer = post(topic)
    (record,) = lines(folder)
    assert record["uid"] == str(Message.objects.get(pk=answer.json()["message"]).uid)
    assert "x-api-key" not in json.dumps(record).lower()


def test_what_is_refused_or_known_is_not_in_the_copy(post, folder):
    assert post("order", key="wrong").status_code == 401
    assert not folder.exists()
    assert post("order", b"not json").status_code == 406
    assert len(lines(folder)) == 1


def test_no_other_user_may_read_it(post, folder):
    post("order")
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in journal_copy.files(folder))


def test_a_process_has_a_file_of_its_own_for_each_hour(post, folder, monkeypatch):
    post("order")
    post("shipment")
    assert len(list(journal_copy.files(folder))) == 1
    monkeypatch.setattr(journal_copy, "HOUR", "20990101T00")
    post("invoice")
    assert [len(path.read_text().splitlines()) for path in journal_copy.files(folder)] == [2, 1]


def test_many_messages_share_an_fsync_which_is_soon(post, folder, monkeypatch):
    synced = []
    done = threading.Event()
    monkeypatch.setattr(journal_copy, "SYNC_SECONDS", 0.2)
    post("order")  # opens the file
    COPY.sync()
    real = os.fsync

    def fsync(file):
        synced.append(file)
        real(file)
        done.set()

    monkeypatch.setattr(journal_copy.os, "fsync", fsync)
    for topic in topics.ALL:
        post(topic)
    assert done.wait(20)
    assert len(synced) < len(topics.ALL)


def test_a_copy_that_cannot_be_written_fails_no_message_and_is_a_problem(post, folder):
    folder.write_text("in the way")
    assert post("order").status_code == 200
    codes = [problem.code for problem in find_problems(collect_report())]
    assert "journal_copy" in codes
    folder.unlink()
    assert post("shipment").status_code == 200
    assert len(lines(folder)) == 1
    assert "journal_copy" not in [problem.code for problem in find_problems(collect_report())]


@pytest.fixture
def hanging(monkeypatch):
    """Return a function that lets the disk answer again: no write of the copy returns until then."""
    answers = threading.Event()
    real = os.write

    def write(file, line):
        answers.wait(60)
        return real(file, line)

    def recover():
        answers.set()
        monkeypatch.setattr(journal_copy, "WAIT_SECONDS", 30)
        written = threading.Event()
        while not written.is_set():
            with suppress(TimeoutError):  # as long as there is no room
                COPY.run_in_thread(written.set)

    monkeypatch.setattr(journal_copy.os, "write", write)
    monkeypatch.setattr(journal_copy, "WAIT_SECONDS", 0.1)
    yield recover
    recover()


def test_a_disk_that_hangs_holds_no_answer_up_and_gets_the_messages_later(post, folder, hanging):
    for topic in topics.ALL:
        assert post(topic).status_code == 200
    assert lines(folder) == []
    assert "journal_copy" in [problem.code for problem in find_problems(collect_report())]
    hanging()
    assert len(lines(folder)) == len(topics.ALL)
    assert "journal_copy" not in [problem.code for problem in find_problems(collect_report())]


@pytest.fixture
def copy(folder):
    """A copy of its own, as of another process."""
    copy = JournalCopy()
    yield copy
    copy.close()


def new_message():
    return Message(url_topic="order", account="default", body=b"{}")


def test_a_thread_that_never_runs_holds_up_the_first_message_only(folder, copy, monkeypatch, caplog):
    monkeypatch.setattr(copy, "_work", lambda: None)
    monkeypatch.setattr(journal_copy, "WAIT_SECONDS", 0.1)
    copy.append(new_message())
    monkeypatch.setattr(journal_copy, "WAIT_SECONDS", 3600)
    for _ in range(2):
        later = threading.Thread(target=copy.append, args=[new_message()], daemon=True)
        later.start()
        later.join(20)
        assert not later.is_alive()
    assert len(caplog.records) == 1


def test_one_that_did_not_wait_says_nothing_about_the_disk(folder, copy, monkeypatch, caplog):
    """It was known to hang; while this one gave up, another task ended."""
    monkeypatch.setattr(copy, "_work", lambda: None)
    monkeypatch.setattr(journal_copy, "WAIT_SECONDS", 0.1)
    copy.append(new_message())
    assert len(caplog.records) == 1
    real = journal_copy._Task

    def answers_meanwhile(*arguments):
        task = real(*arguments)
        task.is_done.wait = lambda seconds: setattr(copy, "_is_stalled", False)
        return task

    monkeypatch.setattr(journal_copy, "_Task", answers_meanwhile)
    copy.append(new_message())
    assert not copy._is_stalled
    assert len(caplog.records) == 1


def test_a_disk_that_answers_with_an_error_hangs_no_more(folder, copy, monkeypatch):
    answers, answered = threading.Event(), threading.Event()

    def fail():
        answers.wait(60)
        raise OSError

    monkeypatch.setattr(journal_copy, "WAIT_SECONDS", 0.1)
    for run in (fail, answered.set):
        with pytest.raises(TimeoutError):
            copy.run_in_thread(run)
    monkeypatch.setattr(journal_copy, "WAIT_SECONDS", 60)
    answers.set()
    answered.wait(60)
    copy.run_in_thread(lambda: time.sleep(0.1))  # waited for


def test_a_thread_that_cannot_start_is_started_by_the_next_message(folder, copy, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", lambda thread: (_ for _ in ()).throw(RuntimeError("can't start")))
        copy.append(new_message())
    copy.append(new_message())
    assert len(lines(folder)) == 1


def test_no_more_waits_in_memory_for_a_disk_than_there_is_room_for(post, folder, hanging, monkeypatch):
    monkeypatch.setattr(journal_copy, "MAX_WAITING_BYTES", 6000)
    for _ in range(10):
        assert post("order").status_code == 200
    hanging()
    assert 1 <= len(lines(folder)) < 10
    assert post("shipment").status_code == 200
    hanging()
    assert lines(folder)[-1]["url_topic"] == "shipment"


def test_a_disk_that_hangs_does_not_hold_the_worker_up(post, folder, hanging, settings):
    post("order")
    settings.STOCKHUB_WEBHOOKS = {**settings.STOCKHUB_WEBHOOKS, "RETENTION_DAYS": {}}
    sweep = Sweep()
    while sweep.step(threading.Event()):
        pass
    assert Message.objects.exists()


def test_a_line_that_a_full_disk_cut_spoils_no_other(post, folder, monkeypatch):
    post("order")
    real = os.write

    def full(file, line):
        if len(line) < 100:
            raise OSError(28, "No space left on device")
        return real(file, line[: len(line) - 50])

    monkeypatch.setattr(journal_copy.os, "write", full)
    assert post("shipment").status_code == 200
    monkeypatch.setattr(journal_copy.os, "write", real)
    post("invoice")
    wipe()
    with pytest.raises(CommandError, match="not stored"):
        ingest(folder)
    assert set(Message.objects.values_list("topic", flat=True)) == {"order", "invoice"}


def test_a_child_process_has_a_file_of_its_own(post, folder):
    post("order")
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:  # pragma: no cover - in the child
        try:
            COPY.append(Message(url_topic="order", account="default", body=b"{}"))
            COPY.sync()
            os.write(writing, b"x")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    os.close(writing)
    assert os.read(reading, 1) == b"x"
    os.close(reading)
    assert len(list(journal_copy.files(folder))) == 2


def test_a_killed_process_loses_nothing_that_was_answered(folder):
    script = (
        f"folder = {str(folder)!r}\n"
        "import os, django; from django.conf import settings\n"
        "settings.configure(INSTALLED_APPS=['stockhub_webhooks'], DATABASES={'default': {'ENGINE': "
        "'django.db.backends.sqlite3', 'NAME': ':memory:'}}, STOCKHUB_WEBHOOKS={'JOURNAL_COPY_DIR': folder})\n"
        "django.setup()\n"
        "from stockhub_webhooks.models import Message; from stockhub_webhooks.receiving import journal_copy\n"
        "journal_copy.append(Message(url_topic='order', account='default', body=b'{}'))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    assert [record["body"] for record in lines(folder)] == ["{}"]


@pytest.mark.parametrize("files", [1, 3])
def test_after_a_restore_the_same_rows_are_there_and_each_receiver_is_called_with_the_same_key(
    hear, folder, files, settings
):
    heard = hear(signals.event_recorded)
    lives = [life(name, seed=seed) for seed, name in enumerate(LIVES)]
    steps = sorted((step for each in lives for step in each), key=lambda step: step.at)
    play(steps[: len(steps) // 2])
    run_pending()
    backup = back_up()
    known = len(heard)
    play(steps[len(steps) // 2 :])
    run_pending()
    before, called = rows(), keys(heard[known:])
    COPY.close()
    spread(folder, files)
    settings.STOCKHUB_WEBHOOKS = {**settings.STOCKHUB_WEBHOOKS, "JOURNAL_COPY_DIR": ""}
    restore(backup)
    heard.clear()
    ingest(folder)
    assert rows() == before
    assert keys(heard) == called
    assert len(set(called)) == len(called) > 40
    heard.clear()
    assert "stored: 0" in ingest(folder)
    assert not heard


def keys(heard):
    return sorted(call["event"].idempotency_key for call in heard)


def rows():
    """All that our tables say, without primary keys."""
    documents = {}
    for model in (Order, Shipment, RMA):
        names = [f.name for f in model._meta.concrete_fields if not f.is_relation and f.name != "id"]
        documents[model] = sorted(map(str, model.objects.values_list(*names)))
    tracks = Track.objects.values_list("tracking_number", "shipment__increment_id", "rma__increment_id")
    events = Event.objects.values_list("type", "increment_id", "po_number", "changes", "occurred_at")
    messages = Message.objects.values_list("uid", "status", "outcome")
    return documents, *(sorted(map(str, rows)) for rows in (tracks, events, messages))


def all_models():
    """Our models, each after those that it points at."""
    return sort_dependencies([(apps.get_app_config("stockhub_webhooks"), None)], allow_cycles=True)


def back_up():
    return {model: list(model.objects.order_by("pk")) for model in all_models()}


def restore(backup):
    """Put a backup in place, and use up primary keys, so that what comes again has others."""
    wipe()
    for model, rows in backup.items():
        model.objects.all().delete()
        model.objects.bulk_create(rows)
    sql = connection.ops.sequence_reset_sql(no_style(), all_models())
    with connection.cursor() as cursor:
        for statement in sql:
            cursor.execute(statement)
    for seed in range(300, 305):
        play(life("returned", seed=seed))
    Order.objects.filter(po_number__in=[f"SHOP-{1042 + seed}" for seed in range(300, 305)]).delete()
    Message.objects.filter(pk__gt=max(row.pk for row in backup[Message])).delete()


def spread(folder, files):
    """Divide the one file into several, as several processes would have written them."""
    (path,) = journal_copy.files(folder)
    parts = [[] for _ in range(files)]
    for number, line in enumerate(path.read_text().splitlines(keepends=True)):
        parts[number % files].append(line)
    path.unlink()
    for number, part in enumerate(parts):
        (folder / f"20260101T0{number}-1-x{number}.jsonl").write_text("".join(part))


def test_the_check_says_what_is_wrong_with_the_directory(tmp_path, settings):
    keys = {"API_KEYS": "a-good-long-key-0123456789", "SPOOL_DIR": tmp_path / "spool"}
    assert results(keys | {"JOURNAL_COPY_DIR": tmp_path / "copy"}) == {}
    file = tmp_path / "file"
    file.write_text("")
    assert set(results(keys | {"JOURNAL_COPY_DIR": file / "copy"})) == {"E033"}
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o755)
    assert "W051" in results(keys | {"JOURNAL_COPY_DIR": open_to_all})
    assert "W051" in results(keys | {"JOURNAL_COPY_DIR": Path("copy")})
    settings.MEDIA_ROOT = tmp_path
    assert "W051" in results(keys | {"JOURNAL_COPY_DIR": tmp_path / "copy"})
