"""The page "export": the totals, then the file."""

import csv
from io import BytesIO, StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.urls import reverse
from openpyxl import load_workbook

from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import ExportRequest
from stockhub_webhooks.office.export import workbook
from stockhub_webhooks.office.export.tables import TABLES
from stockhub_webhooks.operations import exports, worker
from stockhub_webhooks.testing.factories import OrderFactory
from tests.samples import sample

pytestmark = pytest.mark.django_db(databases="__all__")

CHOSEN = {"topic": "order", "by_line": "", "first": "2024-01-01", "last": "2024-12-31"}
DUTCH = {"headers": {"accept-language": "nl"}}


@pytest.fixture
def url():
    return reverse("admin:stockhub_webhooks_export")


@pytest.fixture
def order(post):
    post("order", sample("order", po_number="=cmd|' /C calc'!A0", grand_total=1234.5, currency="EUR"))


def read(answer):
    text = b"".join(answer.streaming_content).decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.DictReader(StringIO(text[1:], newline=""), delimiter=";"))


def test_every_topic_except_payment_requests_can_be_exported():
    assert set(TABLES) == set(topics.ALL) - {topics.PAYMENT_REQUEST}


def test_form_begins_with_the_last_quarter_and_offers_usual_periods(staff, url, list_url):
    assert url in staff.get(list_url("order")).text
    page = staff.get(url).text
    for name in ("Last quarter", "This month", "Last month"):
        assert name in page
    assert "Vorig kwartaal" in staff.get(url, **DUTCH).text
    assert staff.get(url).context["export"] is None


def test_page_shows_the_totals_before_the_download(staff, url, order):
    page = staff.get(url, CHOSEN).text
    assert "€\u00a01,234.50" in page
    assert 'method="post"' in page
    assert staff.get(url, CHOSEN | {"last": "2024-01-01"}).context["totals"] == []


def test_file_can_be_opened_in_a_dutch_excel(staff, url, order):
    answer = staff.post(url, CHOSEN, **DUTCH)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="bestellingen-2024-01-01-2024-12-31.csv"' in answer["Content-Disposition"]
    assert "no-store" in answer["Cache-Control"]
    (row,) = read(answer)
    assert row["Ons ordernummer"] == "'=cmd|' /C calc'!A0"
    assert row["Totaal (incl. btw)"] == "1234,50"
    assert row["E-mail"] == "piet.testman@example.com"


def test_export_is_logged_at_its_end(staff, url, order):
    answer = staff.post(url, CHOSEN)
    assert not LogEntry.objects.exists()
    read(answer)
    entry = LogEntry.objects.get()
    assert entry.change_message == "exported: orders from 2024-01-01 to 2024-12-31 (1 row, with customers)"
    assert entry.user.username == "office"
    assert entry.content_type.model == "order"
    staff.get(url, CHOSEN)
    assert LogEntry.objects.count() == 1
    assert staff.get(reverse("admin:index")).status_code == 200


@pytest.mark.django_db(transaction=True, databases="__all__")
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_export_that_is_broken_off_is_logged_as_such(staff, url, order, kind):
    answer = staff.post(url, CHOSEN | {"format": kind})
    next(answer.streaming_content)
    answer.close()  # the server's time-out, or the browser is closed; Django closes the connection then
    assert "not complete" in LogEntry.objects.get().change_message


@pytest.fixture
def large(monkeypatch):
    """Let one order be a large export."""
    monkeypatch.setattr(exports, "LARGE", 0)


def test_large_export_is_made_in_the_background_and_downloaded(staff, url, order, large):
    assert 'value="xlsx"' not in staff.get(url, CHOSEN).text
    page = staff.post(url, CHOSEN, follow=True)
    assert page.context["progress"]["open"]
    assert not LogEntry.objects.exists()
    worker.drain()
    page = staff.get(page.redirect_chain[0][0])
    (download,) = [tool for tool, _label in page.context["object_tools"] if tool.endswith("/download/")]
    answer = staff.get(download, **DUTCH)
    assert 'filename="bestellingen-2024-01-01-2024-12-31.csv"' in answer["Content-Disposition"]
    assert "no-store" in answer["Cache-Control"]
    (row,) = read(answer)
    assert row["E-mail"] == "piet.testman@example.com"
    assert LogEntry.objects.get().change_message.endswith("(1 rij, met klanten)")


def test_file_of_a_large_export_is_given_only_to_its_owner(staff, clerk, url, order, large, client):
    staff.post(url, CHOSEN)
    worker.drain()
    made = ExportRequest.objects.get()
    download = reverse("admin:stockhub_webhooks_exportrequest_download", args=[made.pk])
    http = clerk("export", "view_order", "view_personal_data", "view_exportrequest")
    assert http.get(download).status_code == 403
    assert http.get(reverse("admin:stockhub_webhooks_exportrequest_change", args=[made.pk])).status_code == 200
    clerk_pk = str(get_user_model().objects.get(username="clerk").pk)
    ExportRequest.objects.update(requested_by_pk=clerk_pk)
    assert http.get(download).status_code == 200
    user = get_user_model().objects.get(username="clerk")
    user.user_permissions.remove(Permission.objects.get(codename="view_personal_data"))
    assert http.get(download).status_code == 403  # it has customers
    ExportRequest.objects.update(with_persons=False)
    assert http.get(download).status_code == 200
    user.user_permissions.remove(Permission.objects.get(codename="view_order"))
    assert http.get(download).status_code == 403


def test_deleted_file_is_gone(staff, url, order, large):
    staff.post(url, CHOSEN)
    worker.drain()
    ExportRequest.objects.update(is_deleted=True)
    made = ExportRequest.objects.get()
    assert staff.get(reverse("admin:stockhub_webhooks_exportrequest_download", args=[made.pk])).status_code == 404
    page = staff.get(reverse("admin:stockhub_webhooks_exportrequest_change", args=[made.pk]))
    assert not [tool for tool, _label in page.context["object_tools"] if tool.endswith("/download/")]


def test_export_has_no_personal_data_without_the_permission(clerk, url, order):
    http = clerk("export", "view_order")
    assert http.get(url).context["with_persons"] is False
    (row,) = read(http.post(url, CHOSEN))
    assert not [value for value in row.values() if "testman" in value.lower()]
    assert LogEntry.objects.get().change_message.endswith("(1 row, without customers)")


def test_export_needs_its_own_permission_and_the_view_permission(clerk, url, order, list_url):
    http = clerk("view_order", "view_personal_data")
    assert url not in http.get(list_url("order")).text
    assert http.get(url).status_code == http.post(url, CHOSEN).status_code == 403


def test_only_models_that_the_user_may_view_can_be_exported(clerk, url, order):
    http = clerk("export", "view_invoice")
    assert http.post(url, CHOSEN).status_code == 200
    assert not LogEntry.objects.exists()
    assert http.post(url, CHOSEN | {"topic": "invoice"}).streaming


@pytest.mark.parametrize(
    "wrong",
    [{"first": ""}, {"last": "2023-12-31"}, {"last": "9999-12-31"}, {"topic": "nonsense"}, {"by_line": "x"}],
)
def test_invalid_choice_is_explained(staff, url, wrong):
    for answer in (staff.get(url, CHOSEN | wrong), staff.post(url, CHOSEN | wrong)):
        assert answer.status_code == 200
        assert "errorlist" in answer.text
    assert not LogEntry.objects.exists()


def test_workbook_is_offered_and_has_the_rows_of_the_file(staff, url, order):
    assert 'value="xlsx"' in staff.get(url, CHOSEN).text
    answer = staff.post(url, CHOSEN | {"format": "xlsx"}, **DUTCH)
    assert answer["Content-Type"] == workbook.CONTENT_TYPE
    assert 'filename="bestellingen-2024-01-01-2024-12-31.xlsx"' in answer["Content-Disposition"]
    assert answer.streaming
    page = load_workbook(BytesIO(b"".join(answer.streaming_content))).active
    heads, row = ([cell.value for cell in cells] for cells in page.iter_rows())
    shown = dict(zip(heads, row, strict=True))
    assert shown["Ons ordernummer"] == "=cmd|' /C calc'!A0"
    assert shown["Totaal (incl. btw)"] == 1234.5
    assert "f" not in {cell.data_type for cells in page.iter_rows() for cell in cells}


def test_without_the_library_the_page_says_how_to_get_a_workbook(staff, url, order, monkeypatch):
    monkeypatch.setattr(workbook, "find_spec", lambda name: None)
    page = staff.get(url, CHOSEN).text
    assert 'value="xlsx"' not in page
    assert "django-stockhub-webhooks[xlsx]" in page
    assert len(read(staff.post(url, CHOSEN | {"format": "xlsx"}))) == 1


@pytest.mark.parametrize(
    ("topic", "chosen", "inside", "outside"),
    [
        ("order", "complete", ["complete"], ["processing", "new_one"]),
        ("order", "~other", ["new_one"], ["complete"]),
        ("shipment", "DELIVERED", ["DELIVERED"], ["IN_TRANSIT"]),
        ("rma", "~received", ["received", "received_on_item"], ["pending"]),
        ("rma", "~closed", [], ["pending"]),
    ],
)
def test_the_status_of_the_list_is_taken_over(staff, url, list_url, post, settings, topic, chosen, inside, outside):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000  # the host's is too small for any form
    for number, status in enumerate([*inside, *outside]):
        of_order = {} if topic == "order" else {"order_increment_id": f"{number}"}
        post(topic, sample(topic, increment_id=f"00000090{number}", status=status, **of_order))
    page = staff.get(list_url(topic), {"status": chosen})
    (link,) = [link for link, _label in page.context["object_tools"] if link.startswith(url)]
    shown = staff.get(f"{link}&first=2000-01-01&last=2099-12-31")
    assert "None" not in shown.text  # a hidden field has no label
    sent = [*shown.context["form"].hidden_values(), ("format", "csv")]
    data = {key: [value for each, value in sent if each == key] for key, _value in sent}
    found = {row["Stock Hub number"] for row in read(staff.post(url, data))}
    assert found == {f"00000090{number}" for number in range(len(inside))}
    assert sum(int(total[1]) for total in shown.context["totals"]) == len(inside)


@pytest.mark.parametrize("limit", [exports.LARGE, 0], ids=["at once", "in the background"])
@pytest.mark.parametrize(
    ("chosen", "found"),
    [("b", {"2"}), ("~real", {"1", "2"}), ("~all", {"1", "2"}), ("test", {"1", "2"}), ("gone", {"1", "2"})],
)
def test_the_account_of_the_list_is_taken_over(staff, url, list_url, settings, monkeypatch, limit, chosen, found):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"a": "key-a", "b": "key-b", "test": "key-test"}}
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
    monkeypatch.setattr(exports, "LARGE", limit)
    for number, account in enumerate(("a", "b", "test"), 1):
        OrderFactory(increment_id=str(number), account=account)
    page = staff.get(list_url("order"), {"account": chosen})
    (link,) = [link for link, _label in page.context["object_tools"] if link.startswith(url)]
    shown = staff.get(f"{link}{'&' if '?' in link else '?'}first=2000-01-01&last=2099-12-31")
    answer = staff.post(url, dict(shown.context["form"].hidden_values()))
    if not limit:
        worker.drain()
        pk = ExportRequest.objects.get().pk
        answer = staff.get(reverse("admin:stockhub_webhooks_exportrequest_download", args=[pk]))
    assert {row["Stock Hub number"] for row in read(answer)} == found


def test_account_that_is_none_is_refused_in_the_form(staff, url, settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"a": "key-a", "b": "key-b"}}
    assert "account" in staff.get(url, CHOSEN | {"account": "c"}).context["form"].errors


def test_a_large_file_has_the_documents_of_the_chosen_status_only(staff, url, post, settings, monkeypatch):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
    monkeypatch.setattr(exports, "LARGE", 0)
    for number, status in enumerate(["complete", "processing"]):
        post("order", sample("order", increment_id=f"00000090{number}", status=status))
    staff.post(url, CHOSEN | {"status": ["complete"], "of": "order"})
    worker.drain()
    request = ExportRequest.objects.get()
    assert (request.total, request.documents) == (1, 1)
    (row,) = read(staff.get(reverse("admin:stockhub_webhooks_exportrequest_download", args=[request.pk])))
    assert row["Stock Hub number"] == "000000900"


def test_statuses_of_one_kind_do_not_narrow_another_one(staff, url, order):
    page = staff.get(url, CHOSEN | {"status": ["DELIVERED"], "of": "shipment"})
    assert "status" not in page.context["form"].fields
    assert [total[1] for total in page.context["totals"]] == ["1"]


@pytest.mark.parametrize("page", ["export", "figures"])
@pytest.mark.parametrize(
    "days", [("0001-01-01", "0001-01-02"), ("9999-12-31", "9999-12-31"), ("2024-02-02", "2024-02-01")]
)
def test_days_that_are_no_period_are_refused_in_the_form(staff, page, days):
    first, last = days
    answer = staff.get(reverse(f"admin:stockhub_webhooks_{page}"), {"topic": "order", "first": first, "last": last})
    assert "last" in answer.context["form"].errors
