"""All lists and pages: they open, are read-only, escape text, and need few queries."""

import copy
import html
import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from stockhub_webhooks import signals
from stockhub_webhooks.models import Address, Message, Order, Track
from tests.admin.conftest import NAMES
from tests.samples import ALPHABETICAL, contract, sample

pytestmark = pytest.mark.django_db(databases="__all__")

PARTS = {
    *("address", "track", "lock", "attempt", "receiverstate", "backlogturn", "siteaddress", "mentionednumber"),
    *(
        "bulkentry",
        "exportpart",
        "bookedpurchase",
        "booking",
        "finishedstep",
        "worklistprogress",
        "orderanswer",
        "askednumber",
    ),
} | {f"{name}item" for name in NAMES}
HOSTILE = '"><script>alert(1)</script>'


def models():
    return [apps.get_model("stockhub_webhooks", name) for name in NAMES]


def test_every_model_has_a_list_or_is_shown_on_a_page():
    ours = {model._meta.model_name for model in apps.get_app_config("stockhub_webhooks").get_models()}
    registered = {
        model._meta.model_name for model in admin.site._registry if model._meta.app_label == "stockhub_webhooks"
    }
    assert registered == set(NAMES)
    assert ours - registered <= PARTS


@pytest.mark.parametrize("language", ["en", "nl"])
def test_every_list_and_every_page_opens(filled, staff, list_url, page_url, language):
    extra = {"headers": {"accept-language": language}}
    for model in models():
        assert model.objects.exists()
        for address in (list_url(model._meta.model_name), *map(page_url, model.objects.all())):
            answer = staff.get(address, **extra)
            assert answer.status_code == 200
            assert f'lang="{language}"' in answer.text


CHANGES_TEXT = r'<(?:input|select|textarea)(?![^>]*type="(?:hidden|submit|search)"|[^>]* readonly)[^>]*>'


def test_rows_cannot_be_added_changed_or_deleted(filled, staff, list_url, page_url):
    for model in models():
        name, row = model._meta.model_name, model.objects.first()
        assert staff.get(list_url(name) + "add/").status_code == 403, name
        assert staff.post(page_url(row), {}).status_code == 403, name
        assert staff.post(page_url(row).replace("change", "delete"), {"post": "yes"}).status_code == 403, name
        assert not re.findall(CHANGES_TEXT, main(staff.get(page_url(row)).text)), name
        assert "delete_selected" not in staff.get(list_url(name)).text, name


def main(page):
    """Return the page without Django's header and side bar."""
    return page[page.index('id="content-main"') :]


def test_pages_need_the_view_permission(filled, clerk, list_url, page_url):
    http, user = clerk(), get_user_model().objects.get(username="clerk")
    for model in models():
        name = model._meta.model_name
        user.user_permissions.set(Permission.objects.filter(codename=f"view_{name}"))
        for other in NAMES:
            assert http.get(list_url(other)).status_code == (200 if other == name else 403), (name, other)
        assert http.get(page_url(model.objects.first())).status_code == 200, name


def test_every_choice_of_every_filter_works(filled, staff, list_url):
    for name in NAMES:
        links = set(re.findall(r'href="(\?[^"]*)"', staff.get(list_url(name)).text))
        assert len(links) > 3, name
        for link in links:
            assert staff.get(list_url(name) + html.unescape(link)).status_code == 200, (name, link)


WORDS = ("000000701", "RESELLER_REF", "1Z00AA000000000001", "wsnl100", "piet.testman@", '"piet.testman@example.com"')


def test_any_search_text_is_answered(filled, staff, list_url):
    for name in NAMES:
        for word in (*WORDS, "'", '"', "%", "_", "\\", "\u2028", "🧦", "a " * 50):
            assert staff.get(list_url(name), {"q": word}).status_code == 200, (name, word)


def test_text_of_the_sender_is_escaped(staff, post, list_url, page_url):
    for topic in ALPHABETICAL:
        body = poisoned(contract(topic))
        assert post(topic, body).status_code == 200
    Message.objects.update(error=HOSTILE, key_fingerprint=HOSTILE[:16], headers={"x-version": HOSTILE})
    assert Address.objects.filter(email__contains=HOSTILE).exists()
    for model in models():
        assert "<script>alert" not in staff.get(list_url(model._meta.model_name)).text
        for row in model.objects.all():
            page = staff.get(page_url(row)).text
            assert "<script>alert" not in page
            assert '"><script' not in page


def poisoned(value):
    if isinstance(value, dict):
        return {name: part if "_at" in name or "date" in name else poisoned(part) for name, part in value.items()}
    if isinstance(value, list):
        return [poisoned(part) for part in value]
    return value + HOSTILE if isinstance(value, str) else value


def test_only_http_urls_become_links(staff, post, page_url):
    for number, link in enumerate(("javascript:alert(1)", "data:text/html,x", "https://carrier.example/1?a=b&c=d")):
        post("shipment", sample("shipment", increment_id=f"{number}", track__tracking_url=link))
        post(
            "order-payment-request",
            sample("order-payment-request", purchase_order_increment_id=f"{number}", pay_by_link=link),
        )
    links = []
    for model in models():
        for row in model.objects.all():
            links += re.findall(r"<a[^>]*>", main(staff.get(page_url(row)).text))
    assert not [link for link in links if "javascript:" in link or "data:" in link]
    outside = [link for link in links if "carrier.example" in link]
    assert outside
    assert all('rel="noopener noreferrer"' in link and "a=b&amp;c=d" in link for link in outside)


def test_no_page_has_inline_script_or_style(filled, staff, list_url, page_url):
    for model in models():
        for page in (staff.get(list_url(model._meta.model_name)).text, staff.get(page_url(model.objects.first())).text):
            part = main(page)
            assert " style=" not in part
            assert not re.search(r"\son[a-z]+=", part)
            assert not [tag for tag in re.findall(r"<script[^>]*>", part) if "src=" not in tag]


# the addresses of the documents of orders not received; the lines of returns, their orders and credit notes
FURTHER_QUERIES = {"order": 4, "rma": 4 + 3, "worklistrow": 4}


def test_number_of_queries_of_a_list_does_not_depend_on_its_rows(filled, staff, post, list_url):
    def queries(name):
        """The fewer of two times: once in a while, a request also reads what is kept for the next ones."""
        times = []
        for _ in range(2):
            with CaptureQueriesContext(connection) as captured:
                staff.get(list_url(name))
            times.append([query["sql"] for query in captured])
        return min(times, key=len)

    post("rma", sample("rma", increment_id="000000499", order_increment_id="000000499"))  # its order is not received
    few = {name: queries(name) for name in NAMES}
    for number in range(5):
        order = f"{500 + number:09d}"
        for topic in ALPHABETICAL:
            body = sample(topic, increment_id=f"{number + 500:09d}", order_increment_id=order)
            if topic == "order-payment-request":
                body["purchase_order_increment_id"] = order
            post(topic, body)
    for name in NAMES:
        many = queries(name)
        assert len(many) == len(few[name]) <= 8 + FURTHER_QUERIES.get(name, 0), (name, many)


def test_no_list_reads_bodies(filled, staff, list_url):
    for name in NAMES:
        with CaptureQueriesContext(connection) as queries:
            staff.get(list_url(name))
        assert not [query["sql"] for query in queries if '"body"' in query["sql"] or "`body`" in query["sql"]]


WITHOUT_ACCOUNT = {
    *("alarm", "bulkrequest", "exportrequest", "drift", "heartbeat", "mutedsender", "refusal", "refusedbody", "replay"),
}


def test_account_is_shown_only_if_there_are_several(filled, staff, settings, list_url, page_url):
    def shown(name):
        row = apps.get_model("stockhub_webhooks", name).objects.first()
        return {"field-account" in main(staff.get(address).text) for address in (list_url(name), page_url(row))}

    assert {name for name in NAMES if shown(name) != {False}} == set()
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"default": "a" * 30, "second": "b" * 30}}
    for name in NAMES:
        assert shown(name) == {name not in WITHOUT_ACCOUNT}, name
        if name not in WITHOUT_ACCOUNT:
            assert staff.get(list_url(name), {"account": "second"}).context["cl"].result_count == 0, name
            assert staff.get(list_url(name), {"account": "default"}).context["cl"].result_count > 0, name


def test_page_of_an_order_with_a_long_history_stays_small(staff, post, hear, page_url):
    hear(signals.event_recorded)
    for number in range(25):
        post("order", sample("order", status=f"s{number}", updated_at=f"2024-05-06T12:{number:02d}:00+02:00"))
    order = Order.objects.get()
    with CaptureQueriesContext(connection) as queries:
        page = staff.get(page_url(order))
    assert page.text.count(f"?q={order.increment_id}") == 3
    assert len(queries) < 25


def test_shipment_page_shows_tracks_in_order_of_receipt(staff, post, page_url):
    first = contract("shipment")
    second = copy.deepcopy(first)
    second["track"]["tracking_number"] = "SECOND"
    post("shipment", first)
    post("shipment", second)
    page = staff.get(page_url(Track.objects.get(tracking_number="SECOND").shipment)).text
    assert page.index("1Z00AA000000000001") < page.index("SECOND")
