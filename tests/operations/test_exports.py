"""Large exports: the file is written in parts, is the same as that of a small export, and is kept for days."""

from datetime import date

import pytest
from django.utils import timezone

from stockhub_webhooks.models import ExportPart, ExportRequest, Order
from stockhub_webhooks.office.export import rows, sheet
from stockhub_webhooks.office.export.periods import Period
from stockhub_webhooks.office.export.rows import Export
from stockhub_webhooks.office.export.tables import TABLES
from stockhub_webhooks.operations import exports, work_requests, worker
from stockhub_webhooks.testing.factories import OrderFactory

pytestmark = pytest.mark.django_db(databases="__all__")

PAST = "2020-01-01T00:00:00Z"


@pytest.fixture
def orders(monkeypatch):
    """Make seven orders, some of one moment and some without a date, and let a part of a file hold two."""
    monkeypatch.setattr(rows, "CHUNK_SIZE", 2)
    at = timezone.now().replace(year=2024)
    made = [OrderFactory(created_at=at) for _ in range(3)] + [OrderFactory(created_at=at.replace(year=2023))]
    undated = [OrderFactory(created_at=None) for _ in range(3)]
    Order.objects.filter(pk__in=[row.pk for row in undated]).update(received_at=at)
    return made + undated


@pytest.fixture
def export():
    return Export(TABLES["order"], Period(date(2020, 1, 1), date(2025, 12, 31)), with_persons=True)


def begin(export):
    return exports.begin(export, export.count(), who="office", who_pk="1")


def whole(export):
    return "".join(sheet.lines(export.rows())).encode()


def test_file_is_that_of_a_small_export(orders, export):
    request = begin(export)
    assert b"".join(exports.content(request)) == b""
    worker.drain()
    request.refresh_from_db()
    assert (request.status, request.total, request.documents, request.rows) == ("done", 7, 7, 7)
    assert ExportPart.objects.count() > 3
    assert b"".join(exports.content(request)) == whole(export)


def test_file_of_nothing_has_the_headers(export):
    request = begin(export)
    worker.drain()
    assert b"".join(exports.content(request)) == whole(export) != b""


def test_other_work_has_its_turn_between_parts(orders, export, monkeypatch):
    monkeypatch.setattr(exports, "TURN_SECONDS", 0.0)
    begin(export)
    assert exports.continue_due() == 1
    assert ExportPart.objects.count() == 1


def test_another_process_goes_on_behind_the_last_part(orders, export):
    request = begin(export)
    first = exports.write_parts(work_requests.claim_due(ExportRequest))
    next(first)
    next(first)
    assert exports.continue_due() == 0
    ExportRequest.objects.update(due_at=PAST)  # it was killed
    worker.drain()
    with pytest.raises(work_requests.ClaimLost):
        next(first)
    assert b"".join(exports.content(request)) == whole(export)


def test_stopped_export_is_not_continued_and_its_parts_are_deleted(orders, export):
    request = begin(export)
    going = exports.write_parts(work_requests.claim_due(ExportRequest))
    next(going)
    assert work_requests.halt(ExportRequest, request.pk, "office")
    with pytest.raises(work_requests.ClaimLost):
        next(going)
    exports.forget()
    assert not ExportPart.objects.exists()


def test_file_is_deleted_after_some_days_and_the_record_stays(orders, export):
    request = begin(export)
    worker.drain()
    exports.forget()
    assert ExportPart.objects.exists()
    ExportRequest.objects.update(finished_at=timezone.now() - exports.KEPT_FOR)
    exports.forget()
    assert not ExportPart.objects.exists()
    request.refresh_from_db()
    assert (request.is_deleted, request.status) == (True, "done")
