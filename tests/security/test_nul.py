"""NUL in any text of a request: an answer of ours, never an error. PostgreSQL refuses it in each query."""

import pickle
from html.parser import HTMLParser
from itertools import cycle

import pytest
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.template import Context, Template
from django.urls import NoReverseMatch, reverse

from stockhub_webhooks.contrib.rest.filters import EventFilter, OrderFilter
from stockhub_webhooks.models import Message, Order
from stockhub_webhooks.office import search, story
from stockhub_webhooks.purchases import purchase_of
from tests.admin.other_site import site as other_site
from tests.conftest import PREFIX
from tests.security.pages import NAMES, addresses, admins, all_pages

pytestmark = pytest.mark.django_db(databases="__all__")

TEXTS = ("\0", "a\0b")
LOOKUPS = ("exact", "iexact", "contains", "icontains", "startswith", "istartswith", "endswith", "gt", "lte", "regex")


class Fields(HTMLParser):
    """The names of the fields of a page's forms."""

    def __init__(self, page):
        super().__init__()
        self.names = set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        name = dict(attrs).get("name")
        if tag in ("input", "select", "textarea", "button") and name:
            self.names.add(name)


def fields(answer):
    """Return the names of the fields of an answer, if it is a page."""
    return Fields(answer.text).names if answer["Content-Type"].startswith("text/html") else set()


@pytest.fixture
def office(staff, settings):
    """A client that answers 500 instead of raising the error."""
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
    staff.raise_request_exception = False
    return staff


def assert_answered(answer, *of):
    assert answer.status_code < 500, of


def parameters(address, office, each):
    """Return the parameters that a page has: those of its links and forms, and of a list also its filters."""
    names = fields(office.get(address)) | {"q", "o", "p", "_changelist_filters", "account"}
    for admin in admins() if each.endswith("changelist") else ():
        names |= {
            str(item[0] if isinstance(item, tuple) else getattr(item, "parameter_name", item))
            for item in admin.list_filter
        }
    return names


def test_no_parameter_of_a_page_fails(filled, office):
    texts = cycle(TEXTS)
    for name in NAMES:
        for address in addresses(name)[:1]:
            for parameter in parameters(address, office, name):
                assert_answered(office.get(address, {parameter: next(texts)}), address, parameter)
            assert_answered(office.get(address, {"\0": "1"}), address)


def test_no_path_of_a_page_fails(filled, office):
    for name in NAMES:
        for text in (*TEXTS, "1\0"):
            try:
                address = reverse(f"admin:{name}", args=[text])
            except NoReverseMatch:
                continue
            for method in (office.get, office.post):
                assert_answered(method(address), address)


def test_no_form_fails(filled, office):
    texts, sent = cycle(TEXTS), 0
    for address in all_pages():
        names = fields(office.get(address)) - {"csrfmiddlewaretoken"}
        assert_answered(office.post(address, dict.fromkeys(names, next(texts))), address, names)
        for name in names:
            assert_answered(office.post(address, {name: next(texts)}), address, name)
            sent += 1
    assert sent > 100


def test_no_action_of_a_list_fails(filled, office, list_url):
    for each in admins():
        for action in each.actions or ():
            for chosen in (*TEXTS, "1\0"):
                address = list_url(each.opts.model_name)
                assert_answered(office.post(address, {"action": action, "_selected_action": chosen}), address, action)


@pytest.mark.parametrize("text", TEXTS)
def test_no_search_of_a_form_of_the_shop_fails(filled, rf, text):
    for each in admins():
        rows, _ = each.get_search_results(rf.get("/"), each.model.objects.all(), text)
        assert list(rows) == []


def test_each_lookup_finds_nothing(post):
    post("order")
    post("shipment")
    order = Order.objects.get()
    for text in TEXTS:
        for lookup in LOOKUPS:
            for column in ("increment_id", "po_number", "account"):
                assert not Order.objects.filter(**{f"{column}__{lookup}": text})
                assert Order.objects.exclude(**{f"{column}__{lookup}": text}).count() == 1
        assert list(Order.objects.filter(increment_id__in=[text, order.increment_id])) == [order]
        assert not Order.objects.filter(increment_id__range=[text, text])
        assert not Order.objects.filter(increment_id__in=[text])
        assert not Order.objects.filter(shipments__tracks__tracking_number=text)
        assert not story.parcels(text)
        assert not story.of_number(text)
        assert purchase_of(text) is None
        assert search.find(text, persons=True).hits == []


def test_query_with_such_a_lookup_can_be_pickled(post):
    post("order")
    rows = Order.objects.filter(po_number=Order.objects.get().po_number, increment_id__startswith="0")
    copy = Order.objects.all()
    copy.query = pickle.loads(pickle.dumps(rows.query))
    assert list(copy) == list(rows)
    assert copy.count() == 1


@pytest.mark.parametrize("text", TEXTS)
def test_page_for_customers_shows_no_parcel(post, text):
    post("shipment")

    class OfShop:
        stockhub_po_number = text

    for order in (text, OfShop(), Order(pk=1, po_number=text)):
        page = Template("{% load stockhub %}{% stockhub_tracking order %}").render(Context({"order": order}))
        assert "<li>" in page


@pytest.mark.urls("tests.admin.other_site")
def test_box_on_the_page_of_the_shop_shows_nothing(office, django_user_model, monkeypatch):
    page = other_site._registry[django_user_model]
    monkeypatch.setattr(page, "stockhub_po_number", lambda user: "a\0b")
    assert office.get(reverse("office:auth_user_change", args=[django_user_model.objects.get().pk])).status_code == 200


@pytest.mark.parametrize("place", ["orders/", "events/", "orders/1/", "orders/\0/", "events/a\0b/"])
def test_no_filter_of_the_api_fails(post, office, place):
    post("shipment")
    names = {*OrderFilter().parameters(), *EventFilter().parameters(), "test", "page_size", "cursor", "format", "\0"}
    for text in TEXTS:
        for name in names:
            assert_answered(office.get(f"/api/stockhub/{place.replace(chr(0), '%00')}", {name: text}), place, name)


def test_no_address_header_or_key_of_the_sender_fails(post, client, office):
    client.raise_request_exception = False
    for text in TEXTS:
        for name in (
            "x-api-key",
            "x-version",
            "user-agent",
            "content-encoding",
            "x-forwarded-for",
            "authorization",
            "accept",
        ):
            for address in (
                f"{PREFIX}order",
                f"{PREFIX}health",
                f"{PREFIX}a%00b",
                "/stockhub/metrics",
                "/stockhub/metrics/",
            ):
                for method in (client.get, client.post, office.get):
                    assert_answered(method(address, headers={name: text}), address, name)
                    assert_answered(method(f"{address}?a%00=%00", headers={name: text}), address, name)
            assert post("order", headers={name: text}).status_code in (200, 401, 406)
        assert post("order", content_type=f"application/json; version={text}").status_code == 200
        assert client.post(f"{PREFIX}ord%00er", b"{}", "application/json").status_code == 401
    post("any", {"increment_id": "a\0b", "items": [], "po_number": "\0"})
    assert Message.objects.exists()


COMMANDS = sorted(name for name, app in get_commands().items() if app == "stockhub_webhooks")


def arguments(name):
    """Return each argument of a command that takes any text, as options or positional arguments."""
    parser = load_command_class("stockhub_webhooks", name).create_parser("manage.py", name)
    djangos = {"version", "verbosity", "settings", "pythonpath", "help"}
    for action in parser._actions:
        if action.dest not in djangos and action.nargs != 0 and action.type is None and not action.choices:
            yield action.option_strings[:1], action.dest


@pytest.mark.parametrize("name", COMMANDS)
def test_no_argument_of_a_command_fails(name, filled, capsys):
    found = list(arguments(name))
    required = {"stockhub_dump": ["--since", "2000-01-01T00:00:00Z"]}.get(name, [])
    for option, _dest in found:
        for text in TEXTS:
            try:
                call_command(name, *required, *option, text)
            except (CommandError, SystemExit) as error:
                assert str(error)
