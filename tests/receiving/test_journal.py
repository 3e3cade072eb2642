"""What is stored, and what happens when it cannot be."""

import time
from uuid import RFC_4122

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test import override_settings

from stockhub_webhooks.exceptions import NotStored, error_location
from stockhub_webhooks.models import Message
from stockhub_webhooks.models.message import new_uid
from stockhub_webhooks.receiving import journal, kept_fields, spool, spool_import
from stockhub_webhooks.signals import message_received

pytestmark = pytest.mark.django_db


def message(**values):
    return Message(url_topic="order", account="default", body=b"{}", **values)


@pytest.mark.parametrize("is_kept", [True, False])
def test_message_that_is_entered_is_made_known_once_it_is_committed(transactional_db, is_kept):
    known = []

    def listen(sender, message, **arguments):
        known.append(message.pk)

    message_received.connect(listen)
    try:
        with transaction.atomic():
            journal.enter(message(), by="office")
            assert known == []
            transaction.set_rollback(not is_kept)
    finally:
        message_received.disconnect(listen)
    assert known == list(Message.objects.filter(entered_by="office").values_list("pk", flat=True))
    assert len(known) == is_kept


def test_a_dead_connection_is_closed_and_tried_once_more(transactional_db, monkeypatch):
    real, tries = journal.insert, []

    def insert(rows, using, **options):
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError("server closed the connection unexpectedly")
        real(rows, using, **options)

    monkeypatch.setattr(journal, "insert", insert)
    stored = journal.store(message())
    assert stored.pk
    assert len(tries) == 2


def test_an_insert_that_was_committed_before_the_connection_died_is_found_by_its_uid(transactional_db, monkeypatch):
    real, tries = journal.insert, []

    def insert(rows, using, **options):
        real(rows, using, **options)
        tries.append(1)
        if len(tries) == 1:
            rows[0].pk = None
            raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(journal, "insert", insert)
    stored = journal.store(message())
    assert Message.objects.get().pk == stored.pk


def test_a_clash_that_is_not_our_uid_is_not_taken_for_stored(transactional_db, monkeypatch):
    def insert(rows, using, **options):
        raise IntegrityError("another constraint")

    monkeypatch.setattr(journal, "insert", insert)
    with pytest.raises(NotStored):
        journal.store(message())


def test_inside_a_hosts_transaction_nothing_is_called_stored(transactional_db, tmp_path):
    with override_settings(STOCKHUB_WEBHOOKS={"SPOOL_DIR": str(tmp_path)}):
        with transaction.atomic():
            stored = journal.store(message())
        assert stored.pk is None
        assert len(list(spool.files())) == 1
    assert not Message.objects.exists()


@pytest.mark.postgresql
@pytest.mark.mariadb
def test_a_truly_dead_connection_heals(transactional_db):
    connection.ensure_connection()
    connection.connection.close()
    assert journal.store(message()).pk


def test_without_autocommit_nothing_is_called_stored(transactional_db, tmp_path, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "AUTOCOMMIT", False)
    with override_settings(STOCKHUB_WEBHOOKS={"SPOOL_DIR": str(tmp_path)}):
        assert journal.store(message()).pk is None
        assert len(list(spool.files())) == 1


def test_nothing_is_called_stored_on_a_connection_without_autocommit(transactional_db, tmp_path):
    with override_settings(STOCKHUB_WEBHOOKS={"SPOOL_DIR": str(tmp_path)}):
        transaction.set_autocommit(False)
        try:
            assert journal.store(message()).pk is None
        finally:
            transaction.rollback()  # as Django does at the end of a request, closing such a connection
            transaction.set_autocommit(True)
        assert len(list(spool.files())) == 1
        assert spool_import.import_spool() == 1


def test_only_named_headers_are_kept_and_cleaned():
    kept = kept_fields.kept_headers({"x-version": "V1\x00", "x-api-key": "secret", "user-agent": "x" * 999})
    assert kept == {"x-version": "V1\ufffd", "user-agent": "x" * 255}


def test_the_place_of_an_error_is_given_without_its_text():
    try:
        raise ValueError("Testman")
    except ValueError as error:
        assert error_location(error).startswith("ValueError at ")
        assert "Testman" not in error_location(error)
    assert error_location(ValueError("Testman")) == "ValueError"


def test_no_personal_data_in_a_repr(post):
    from stockhub_webhooks import models

    post("order")
    post("shipment")
    post("rma")
    for model in (
        models.Message,
        models.Order,
        models.Address,
        models.OrderItem,
        models.Track,
        models.Event,
        models.RMA,
    ):
        assert "estman" not in repr(list(model.objects.all()))


def test_a_uid_tells_when_it_was_made_so_that_new_ones_stand_together():
    earlier = [new_uid() for _ in range(100)]
    time.sleep(0.002)
    later = new_uid()
    assert all(uid.version == 7 and uid.variant == RFC_4122 for uid in earlier)
    assert len(set(earlier)) == 100
    assert max(earlier) < later
    assert abs((later.int >> 80) / 1000 - time.time()) < 60
