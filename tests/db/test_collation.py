"""Numbers and names that differ in case, accent, width or trailing blanks are two on every database."""

import pytest
from django.apps import apps
from django.core.checks import Tags, run_checks
from django.db import connection, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from stockhub_webhooks import signals
from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.db.statements import select_for_update_text
from stockhub_webhooks.models import Event, Heartbeat, Message, Order, ReceiverCall, Track
from stockhub_webhooks.models.lock import acquire
from stockhub_webhooks.models.numbers import of_number
from stockhub_webhooks.office import search, story
from stockhub_webhooks.operations import replay, worker
from stockhub_webhooks.processing.apply import BY_TOPIC
from tests.samples import ALPHABETICAL, contract, sample

pytestmark = pytest.mark.django_db(databases="__all__")

PAIRS = [("WS-A1", "ws-a1"), ("WS-É1", "WS-E1"), ("WS-\uff11", "WS-1"), ("WS-\u00df", "WS-SS")]
EACH_PAIR = pytest.mark.parametrize("pair", PAIRS, ids=["case", "accent", "width", "sharp s"])
# text that people read; what is found by it is found in any spelling
FOR_PEOPLE = {
    "first_name", "last_name", "email", "telephone", "street", "house_number", "postcode", "city", "region_code",
    "country_id", "company_name", "manufacturer", "color", "requested_by", "stopped_by", "dismissed_reason",
    "entered_by", "paused_by", "erased_by", "dismissed_by", "muted_by", "written_by",
}  # fmt: skip
APP = "stockhub_webhooks"


def numbered(topic, number, **changes):
    names = ("increment_id",) if topic == "order" else ("increment_id", "order_increment_id")
    if topic == "order-payment-request":
        names = ("order_increment_id", "purchase_order_increment_id")
    return contract(topic) | dict.fromkeys(names, number) | changes


# ---------------------------------------------------------------- columns


def text_columns():
    for model in apps.get_app_config(APP).get_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, models.CharField) and not field.choices:
                yield model, field


def test_each_text_column_is_exact_or_for_people():
    unclear = [
        str(field) for _, field in text_columns() if isinstance(field, ExactCharField) == (field.name in FOR_PEOPLE)
    ]
    assert unclear == [], "a column that rows are found by is an ExactCharField"


@pytest.mark.mariadb
def test_mariadb_compares_each_exact_column_byte_for_byte():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT collation_name FROM information_schema.columns WHERE table_schema = DATABASE() AND "
            "table_name = 'stockhub_webhooks_track' AND column_name LIKE '%number%'"
        )
        assert cursor.fetchall() == (("utf8mb4_nopad_bin",),)
    assert [
        message for message in run_checks(tags=[Tags.database], databases=["default"]) if "E021" in message.id
    ] == []


def test_rows_whose_names_differ_only_in_trailing_blanks_are_two():
    for account in ("default", "default ", "Default"):
        Order.objects.create(account=account, increment_id="1")
        Heartbeat.objects.create(name=account, beat_at="2026-01-01T00:00:00Z")
        assert acquire(account, 60)
    assert Order.objects.filter(account="default ").count() == 1


# ---------------------------------------------------------------- messages


@EACH_PAIR
@pytest.mark.parametrize("topic", ALPHABETICAL)
def test_documents_with_similar_numbers_are_two(post, topic, pair):
    model = BY_TOPIC[topic].model
    for number in pair:
        assert post(topic, numbered(topic, number)).json()["outcome"] == "created"
    assert {document.increment_id for document in model.objects.all()} == set(pair)
    assert {order.increment_id for order in Order.objects.all()} == set(pair)
    for number in pair:
        assert post(topic, numbered(topic, number)).json()["outcome"] == "unchanged"
    assert Event.objects.filter(type__endswith=".created").count() == 2


@EACH_PAIR
def test_a_change_of_one_order_leaves_the_similar_one_alone(post, pair):
    first, second = pair
    post("order", numbered("order", first, po_number="Shop-1", updated_at="2026-03-01T00:00:00+00:00"))
    post("order", numbered("order", second, po_number="Other-9", updated_at="2026-03-02T00:00:00+00:00"))
    assert Order.objects.get(increment_id=first).po_number == "Shop-1"


@EACH_PAIR
def test_purchases_with_similar_order_numbers_are_two(post, pair):
    for number, po_number in zip(("1", "2"), pair, strict=True):
        post("order", sample("order", increment_id=number, po_number=po_number))
        post("shipment", sample("shipment", increment_id=number, order_increment_id=number, po_number=po_number))
    for po_number in pair:
        (order,) = story.of_number(po_number)
        purchase = story.read(order)
        assert [each.po_number for each in (*purchase.orders, *purchase.shipments)] == [po_number] * 2


@EACH_PAIR
def test_receivers_with_similar_identities_are_both_called(post, hear, pair):
    heard = [hear(signals.order_created, uid=uid) for uid in pair]
    assert post("order").status_code == 200
    assert list(map(len, heard)) == [1, 1]
    assert ReceiverCall.objects.filter(receiver=pair[0]).count() == 1


def test_an_account_that_differs_in_case_has_orders_of_its_own(post, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {
        "API_KEYS": {"shop": ["key-of-shop-0123456789"], "Shop": ["key-of-Shop-0123456789"]}
    }
    for account in ("shop", "Shop"):
        assert post("order", key=f"key-of-{account}-0123456789").json()["outcome"] == "created"


# ---------------------------------------------------------------- people


@pytest.mark.parametrize("lookup", ["iexact", "icontains", "istartswith", "iendswith"])
@pytest.mark.parametrize("value", ["Web-100%", "WEB-100_", "web-100\\", "wEb-100"])
def test_case_insensitive_lookups_ignore_case_alone(lookup, value):
    for number in ("web-100%", "WEB-100%", "web-100_", "web-100\\", "WEB-100", "wéb-100", "web-101"):
        Order.objects.create(account="default", increment_id=f"{lookup}{number}", po_number=number, status=number)
    for column in ("po_number", "status"):  # with an index of its own, and without
        found = {getattr(order, column) for order in Order.objects.filter(**{f"{column}__{lookup}": value})}
        everything = Order.objects.values_list(column, flat=True)
        test = {"iexact": str.__eq__, "icontains": str.__contains__,
                "istartswith": str.startswith, "iendswith": str.endswith}[lookup]  # fmt: skip
        assert found == {each for each in everything if test(each.lower(), value.lower())}
        assert found


def test_a_lookup_takes_another_column_and_a_part_of_a_relation(post):
    post("order", sample("order", increment_id="A1", po_number="a1"))
    post("shipment", sample("shipment", increment_id="S", order_increment_id="A1"))
    assert Order.objects.filter(po_number__iexact=models.F("increment_id")).count() == 1
    assert Order.objects.filter(shipments__tracks__normalized_number__istartswith="1z00").count() == 1
    assert Order.objects.filter(items__sku__istartswith="WSNL100").count() == 1


def found_numbers(text, persons=False):
    return {hit.increment_id for hit in search.find(text, ("order",), persons=persons).hits}


def test_a_search_finds_numbers_in_any_case(post):
    for number, po_number, sku in (
        ("Ab-1", "web-100", "Sku-é"),
        ("aB-1", "WEB-100", "sKU-É"),
        ("Áb-1", "wéb-100", "x"),
    ):
        post("order", sample("order", increment_id=number, po_number=po_number, items__sku=sku))
    assert found_numbers("ab-1") == found_numbers("AB-1") == found_numbers("Web-100") == {"Ab-1", "aB-1"}
    assert found_numbers("áB-1") == found_numbers("WÉB-100") == {"Áb-1"}
    assert found_numbers("SKU-É") == {"Ab-1", "aB-1"}


def test_a_list_finds_messages_without_a_document_in_any_case(staff, post, last_message):
    post("order", numbered("order", "WEB-1"))
    Message.objects.update(topic="", increment_id="WEB-1")
    Order.objects.all().delete()
    for typed, count in (("web-1", 1), ("WEB-1", 1), ("web-2", 0)):
        page = staff.get("/admin/stockhub_webhooks/message/", {"q": typed})
        assert len(page.context["cl"].result_list) == count, typed


def po_numbers(number):
    orders = Order.objects.filter(of_number(number, ["po_number"], ["po_number"]))
    return list(orders.order_by("po_number").values_list("po_number", flat=True))


def increment_ids(number):
    orders = Order.objects.filter(of_number(number, ["increment_id"], ["increment_id"], [Order]))
    return list(orders.values_list("increment_id", flat=True))


def test_a_typed_number_stands_for_the_exact_one_before_others(post):
    for number, po_number in (("WS-1", "web-1"), ("2", "WEB-1"), ("3", "Web-2")):
        post("order", sample("order", increment_id=number, po_number=po_number))
    assert po_numbers("web-1") == ["web-1"]
    assert po_numbers("WEB-1") == ["WEB-1"]
    assert po_numbers("wEB-1") == ["WEB-1", "web-1"]
    assert po_numbers("web-2") == ["Web-2"]
    assert increment_ids("ws-1") == ["WS-1"]


def test_a_replay_takes_an_order_in_any_case(post):
    post("order", sample("order", increment_id="WS-1", po_number="Web-1"))
    post("order", sample("order", increment_id="ws-1", po_number="web-2"))
    for typed, numbers in (("WEB-1", {"WS-1"}), ("ws-1", {"ws-1"}), ("wS-1", {"WS-1", "ws-1"}), ("x", set())):
        messages = replay.MessageChoice(order=typed).messages()
        assert {message.increment_id for message in messages} == numbers, typed


def test_the_api_finds_the_exact_number_before_others(staff, post):
    for number, po_number in (("WS-1", "web-1"), ("ws-1", "WEB-1")):
        post("order", sample("order", increment_id=number, po_number=po_number))
    for typed, numbers in (("web-1", ["WS-1"]), ("WEB-1", ["ws-1"]), ("Web-1", ["WS-1", "ws-1"]), ("web", [])):
        for address, name in (("orders", "increment_id"), ("events", "order_increment_id")):
            answer = staff.get(f"/api/stockhub/{address}/", {"po_number": typed}).json()
            assert sorted({row[name] for row in answer["results"]}) == numbers, (address, typed)
    answer = staff.get("/api/stockhub/orders/", {"increment_id": "Ws-1"}).json()
    assert len(answer["results"]) == 2


# ---------------------------------------------------------------- tracking numbers

SPELLINGS = ["3SABC1", "3S ABC 1", "3sabc1", "3SABC-1", "3S\u00a0abc\u20111", "3s\tABC\u2013 1"]


@pytest.mark.parametrize("topic", ["shipment", "rma"])
@pytest.mark.parametrize("sign", ["", "é", "\u0131", "ß"])
def test_a_tracking_number_in_other_spellings_is_one_parcel(post, topic, sign):
    for minute, spelling in enumerate(SPELLINGS):
        track = contract(topic)["track"] | {"tracking_number": spelling + sign, "carrier": f"c{minute}"}
        post(topic, sample(topic, track=track, updated_at=f"2026-03-04 05:0{minute}:00"))
    (track,) = Track.objects.all()
    assert (track.tracking_number, track.carrier) == (SPELLINGS[0] + sign, f"c{len(SPELLINGS) - 1}")
    assert Event.objects.filter(type="track.added").count() == 1


def test_an_outdated_message_adds_no_other_spelling(post):
    for number, minute in (("3SABC1", 9), ("3s abc 1", 1), ("3SABC2", 2)):
        post(
            "shipment", sample("shipment", track={"tracking_number": number}, updated_at=f"2026-03-04 05:0{minute}:00")
        )
    assert list(Track.objects.order_by("pk").values_list("tracking_number", flat=True)) == ["3SABC1", "3SABC2"]


def test_several_spellings_in_one_message_are_one_parcel(post):
    tracks = [{"tracking_number": number} for number in ("B-2", *SPELLINGS, "b2")]
    post("shipment", sample("shipment", track=tracks))
    assert list(Track.objects.order_by("pk").values_list("tracking_number", flat=True)) == ["B-2", "3SABC1"]


@pytest.mark.parametrize("stored", SPELLINGS)
def test_a_parcel_is_found_in_any_spelling(post, stored):
    post("shipment", sample("shipment", track={"tracking_number": stored}))
    for typed in ("3SABC1", "3sabc", "3S ABC 1", "3s-abc-1", "3SABC-1"):
        assert [hit.by for hit in search.find(typed, ("shipment",), persons=True).hits] == [search.TRACK], typed
    assert search.find("-", persons=False).hits == []


# ---------------------------------------------------------------- indexes


def plan(sql, parameters):
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}", parameters)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.fixture
def many_orders(transactional_db):
    Order.objects.bulk_create(
        Order(account="default", increment_id=f"WS-{number}", po_number=f"web-{number}") for number in range(3000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE TABLE stockhub_webhooks_order")
        cursor.fetchall()


@pytest.mark.mariadb
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("collation", ["utf8mb4_general_ci", "utf8mb4_unicode_520_ci", "utf8mb4_bin"])
def test_mariadb_uses_the_indexes_whatever_the_collation_of_the_connection(many_orders, collation):
    text = select_for_update_text(Order, "default", ("account", "increment_id"))
    prefix = Order.objects.filter(increment_id__istartswith="ws-1500").query.sql_with_params()
    exact = Order.objects.filter(po_number__iexact="WEB-1500").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"SET NAMES utf8mb4 COLLATE {collation}")
    try:
        (row,) = plan(text, ["default", "WS-1500"])
        assert (row["key"], int(row["rows"])) == ("stockhub_webhooks_order_number", 1)
        for sql, parameters in (prefix, exact):
            (row,) = plan(sql, parameters)
            assert row["key"].endswith("_beg")
            assert int(row["rows"]) < 10
    finally:
        connection.close()


@pytest.mark.mariadb
@pytest.mark.django_db(transaction=True)
def test_column_whose_collation_was_changed_is_an_error_that_says_the_remedy():
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE stockhub_webhooks_order CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
        )
        (error,) = [each for each in run_checks(tags=[Tags.database], databases=["default"]) if "E021" in each.id]
        ((_, newest),) = MigrationLoader(connection).graph.leaf_nodes(APP)
        applied = MigrationRecorder(connection).migration_qs.filter(app=APP)
        applied.filter(name=newest).update(name="another")
        try:  # an error would keep `migrate` from running
            assert not any("E021" in each.id for each in run_checks(tags=[Tags.database], databases=["default"]))
        finally:
            applied.filter(name="another").update(name=newest)
        cursor.execute(error.hint)
    assert [each for each in run_checks(tags=[Tags.database], databases=["default"]) if "E021" in each.id] == []
    Order.objects.create(account="default", increment_id="a")
    Order.objects.create(account="default", increment_id="A")
    assert Order.objects.filter(increment_id__istartswith="A").count() == 2
    worker.drain()
