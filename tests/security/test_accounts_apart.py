"""What comes with one account's key changes nothing that is shown, delivered, counted or exported for another."""

import re
from dataclasses import replace

import pytest
from django.apps import apps
from django.template import Context, Template
from django.urls import reverse

from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Message, Order, ReceiverCall
from stockhub_webhooks.office import story
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.rules import find_problems
from stockhub_webhooks.operations.replay.choice import MessageChoice
from stockhub_webhooks.processing.apply import BY_TOPIC
from stockhub_webhooks.purchases import purchase_of
from tests.conftest import KEY, TEST_KEY
from tests.processing.test_apply import later
from tests.samples import contract

pytestmark = pytest.mark.django_db(databases="__all__")

OTHER_KEY = "the-key-of-another-account-01234567"
KEYS = {"API_KEYS": {"default": KEY, "test": TEST_KEY, "other": OTHER_KEY}}
PO_NUMBER = "RESELLER_REF"
CHANGING = re.compile(r'csrfmiddlewaretoken" value="\w+"|csrf_?token\W+\w+|nonce="[^"]+"')
TAG = Template("{% load stockhub %}{% stockhub_tracking number %}|{% stockhub_tracking number account='default' %}")


@pytest.fixture(autouse=True)
def accounts(settings):
    settings.STOCKHUB_WEBHOOKS = KEYS


@pytest.fixture
def shop(post):
    """Store one document of each topic, and a later state of each, for the account `default`."""
    for topic in topics.ALL:
        assert post(topic).status_code == 200
        post(topic, later(contract(topic)))


def pages_of_documents():
    """Yield the URLs of the pages of the documents of the account `default`."""
    for document_type in BY_TOPIC.values():
        name = document_type.model._meta.model_name
        for row in document_type.model.objects.of_account("default"):
            yield reverse(f"admin:stockhub_webhooks_{name}_change", args=[row.pk])
    for order in Order.objects.of_account("default"):
        yield reverse("admin:stockhub_webhooks_order_story", args=[order.pk])


def numbers():
    """Return the numbers of the account, in several spellings."""
    known = {PO_NUMBER, *(contract(topic).get("increment_id", "000000003") for topic in topics.ALL)}
    return sorted(known | {number.lower() for number in known})


def of_the_account(staff):
    """Return what the account `default` alone decides."""
    purchase = purchase_of(PO_NUMBER, "default")
    return {
        "pages": {url: CHANGING.sub("", staff.get(url).text) for url in pages_of_documents()},
        "customer": TAG.render(Context({"number": PO_NUMBER})).partition("|")[2],
        "parcels": [story.parcels(order) for order in Order.objects.of_account("default")],
        "purchase": (purchase.orders, purchase.is_cancelled),
        "calls": list(ReceiverCall.objects.filter(event__account="default").order_by("pk").values()),
        "rest": {name: staff.get(f"/api/stockhub/{name}/?account=default").json() for name in ("orders", "events")},
    }


def of_all_real_accounts(staff):
    """Return what all accounts but the test account decide together."""
    report = collect_report()
    export = reverse("admin:stockhub_webhooks_export")
    form = {"first": "2000-01-01", "last": "2100-01-01"}
    find = reverse("admin:stockhub_webhooks_find")
    return {
        "customer": TAG.render(Context({"number": PO_NUMBER})),
        "box": story.of_number(PO_NUMBER),
        "purchase": purchase_of(PO_NUMBER).orders,
        "find": {n: CHANGING.sub("", (page := staff.get(find, {"q": n})).text) + page.get("location", "")
                 for n in [*numbers(), "000000", "RESELLER"]},
        "exports": {topic: b"".join(staff.post(export, form | {"topic": topic}).streaming_content)
                    for topic in topics.ALL if topic != topics.PAYMENT_REQUEST},
        "rest": {name: staff.get(f"/api/stockhub/{name}/").json() for name in ("orders", "events")},
        "rest by number": {n: staff.get("/api/stockhub/orders/", {"po_number": n}).json() for n in numbers()},
        "replay": {n: list(MessageChoice(order=n).messages().values_list("pk", flat=True))
                   for n in (PO_NUMBER, PO_NUMBER.lower(), contract("order")["increment_id"])},
        "problems": [(problem.code, problem.text) for problem in find_problems(report)],
        "counts": replace(report, made_at=None, keys=(), workers={}, silent_hours=None),
    }  # fmt: skip


def attack(post, key, flood=0):
    """Post what could touch the documents of another account: the same numbers, other spellings, broken bodies."""
    for topic in topics.ALL:
        same = contract(topic)
        for change in (
            {},
            {"increment_id": "900000001"},
            {"increment_id": "900000002", "po_number": PO_NUMBER.lower()},
            {"increment_id": "900000003", "po_number": f" {PO_NUMBER} "},
            {"increment_id": "900000004", "order_increment_id": contract("order")["increment_id"]},
            {"status": "canceled", "unknown": 1},
        ):
            post(topic, later(same) | change, key=key)
            post(topic, later(later(same)) | change | {"status": "DELIVERED"}, key=key)
        post(topic, b'{"increment_id": ', key=key)
        post(topic, b'{"items": []}', key=key)
    for number in range(flood):
        post(
            "order",
            contract("order") | {"increment_id": f"0000{number:05}", "po_number": f"{PO_NUMBER}{number}"},
            key=key,
        )


@pytest.mark.parametrize(("key", "account"), [(TEST_KEY, "test"), (OTHER_KEY, "other")])
def test_documents_of_an_account_stay_as_they_are(post, shop, staff, hear, key, account):
    hear(signals.event_recorded, uid="shop.all", test=True)
    before = of_the_account(staff)
    attack(post, key)
    assert Order.objects.of_account(account).count() >= 5
    after = of_the_account(staff)
    for name, value in before.items():
        assert after[name] == value, name


def test_tests_change_nothing_of_real_accounts(post, shop, staff, hear):
    heard = hear(signals.event_recorded)
    before = of_all_real_accounts(staff)
    heard.clear()
    attack(post, TEST_KEY, flood=310)
    assert Message.objects.of_account("test").count() > 350
    after = of_all_real_accounts(staff)
    for name, value in before.items():
        assert after[name] == value, name
    assert heard == []


def test_customer_never_sees_a_test(post, shop):
    post("shipment", contract("shipment") | {"increment_id": "7", "po_number": "TEST-1"}, key=TEST_KEY)
    order = Order.objects.get(account="test")
    for number in ("TEST-1", order):
        for account in (None, "test"):
            assert story.parcels(number, account) == []


def test_customer_sees_nothing_of_a_number_that_two_accounts_have(post, shop):
    assert story.parcels(PO_NUMBER)
    track = contract("shipment")["track"] | {"tracking_number": "OTHERS"}
    post("shipment", contract("shipment") | {"track": track}, key=OTHER_KEY)
    assert story.parcels(PO_NUMBER) == []
    assert [parcel.tracking_number for parcel in story.parcels(PO_NUMBER, "other")] == ["OTHERS"]
    assert "OTHERS" not in {parcel.tracking_number for parcel in story.parcels(PO_NUMBER, "default")}


def test_every_model_with_an_account_is_kept_apart():
    """Each model with an account can leave the tests out."""
    for model in apps.get_app_config("stockhub_webhooks").get_models():
        if any(field.name == "account" for field in model._meta.concrete_fields):
            assert hasattr(model.objects.all(), "real"), model
