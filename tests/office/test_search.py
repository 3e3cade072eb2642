"""The search for documents."""

import pytest

from stockhub_webhooks.models import Address, Order, search_keys
from stockhub_webhooks.office import search
from stockhub_webhooks.operations import search_index
from tests.samples import ALPHABETICAL, sample

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", []),
        ("  000000701  L ", ["000000701", "L"]),
        ('"two words" one', ["two words", "one"]),
        ("it's", ["it's"]),
        ('"', ['"']),
        ("1 2 3 4 5", ["1", "2", "3", "4", "5"]),
        ("1 2 3 4 5 6 7", ["1", "2", "3", "4", "5 6 7"]),
        ("1234 ab jan", ["1234ab", "jan"]),
        ("1234 abc", ["1234", "abc"]),
    ],
)
def test_search_is_split_into_words(typed, words):
    assert search.words(typed) == words


@pytest.fixture
def orders(post):
    """Post two orders: one of a customer with a long name, one of another customer."""
    customer = {
        "first_name": "Jan Willem", "last_name": "van den Bérg", "email": "Jan@Berg.example", "postcode": "1234 AB",
        "telephone": "1", "street": "Kade", "house_number": "1", "city": "Utrecht", "country_id": "NL",
    }  # fmt: skip
    other = customer | {"first_name": "Els", "last_name": "Jansen", "email": "els@x.example", "postcode": "9999ZZ"}
    post("order", sample("order", increment_id="000000701", po_number="Shop-1001", shipping_address=customer,
                         billing_address=other, items__sku="AbC-1", items__mpn="MPN 7"))  # fmt: skip
    post("order", sample("order", increment_id="000000702", po_number="Shop-1002", shipping_address=other,
                         billing_address=other, items__sku="XYZ", items__mpn="9"))  # fmt: skip
    post("shipment", sample("shipment", increment_id="000000412", order_increment_id="000000701", po_number=None,
                            shipping_address=customer, items__sku="AbC-1",
                            track__tracking_number="1Z0099"))  # fmt: skip


def found(text, *topics, persons=True):
    """Return the numbers of the documents that a search finds."""
    return {hit.increment_id for hit in search.find(text, topics or tuple(ALPHABETICAL), persons=persons).hits}


@pytest.mark.parametrize(
    "text",
    [
        "000000701", "701", "shop-1001", "SHOP-1001", "abc-1", "AbC", '"mpn 7"', "1z0099", "1Z 00 99", "1z00",
        "van", "den", "jan willem", "willem van", "jan@berg.example", "JAN@", "1234AB", "1234 ab", "1234",
        "701 abc-1", "jan 1234AB", "shop-1001 1234AB",
    ],
)  # fmt: skip
def test_order_is_found_by_each_of_its_values(orders, text):
    assert found(text, "order") == {"000000701"}


def test_surname_is_found_without_its_prefix(orders):
    Order.objects.get(increment_id="000000701").shipping_address.__class__.objects.filter(
        last_name="van den Bérg"
    ).update(last_name="van den Berg")
    for text in ("berg", "BERG", "Jan Berg", "van den berg", "jan van den berg", '"van den berg"'):
        assert found(text) == {"000000701", "000000412"}, text


@pytest.mark.parametrize(
    "text", ["", "   ", "nothing", "701 nothing", "jan nothing", "els willem", "\0", "%", "_", "\\"]
)
def test_search_without_matches_finds_nothing(orders, text):
    assert found(text) == set()


def test_very_short_word_matches_whole_values_only(orders, post):
    customer = {"first_name": "Ad", "last_name": "van Es", "email": "ad@example.com"}
    post("order", sample("order", increment_id="000000007", po_number="70", shipping_address=customer,
                         billing_address=customer, items__sku="s", items__mpn="m"))  # fmt: skip
    for text in ("7", "70", "es", "ES", "S", "van es", "ad es", "s m"):
        assert found(text, "order") == {"000000007"}, text
    for text in ("0", "00", "Sh", "Ab", "9z"):
        assert found(text, "order") == set(), text


def test_result_is_cut_off_only_after_all_words_are_applied(orders, monkeypatch):
    monkeypatch.setattr(search, "LIMIT", 1)
    assert found("shop abc", "order") == {"000000701"}
    assert found("shop xyz", "order") == {"000000702"}


def test_customers_are_not_found_without_the_permission(orders):
    for text in ("jan", "jan@", "1234ab", "jan willem", "jansen 702"):
        assert found(text), text
        assert not found(text, persons=False), text
    assert found("701 abc", persons=False) == {"000000701", "000000412"}


def test_child_is_found_by_values_of_its_order(orders):
    for text in ("701", "shop-1001", "jansen 412", "els 1z00"):
        assert found(text, "shipment") == {"000000412"}, text


def test_result_over_the_limit_is_marked_as_cut_off(orders, monkeypatch):
    monkeypatch.setattr(search, "LIMIT", 1)
    monkeypatch.setattr(search, "INTERMEDIATE_LIMIT", 1)
    assert search.find("shop", ["order"], persons=True).is_cut_off
    assert not search.find("shop-1001", ["order"], persons=True).is_cut_off
    few = search.find("shop abc", ["order"], persons=True)
    assert (few.pks("order"), few.is_cut_off) == ({Order.objects.get(increment_id="000000701").pk}, False)
    assert search.find("shop sho", ["order"], persons=False).is_cut_off


@pytest.mark.parametrize("text", ["701", "berg", "1234AB"])
def test_search_for_one_word_takes_two_statements(orders, text, django_assert_max_num_queries):
    with django_assert_max_num_queries(2):
        search.find(text, persons=True)


@pytest.mark.parametrize("text", ["shop-1001 abc", "jan willem", "jan van den berg 1234AB"])
def test_search_for_several_words_takes_a_few_statements_for_each(orders, text, django_assert_max_num_queries):
    with django_assert_max_num_queries(5 * len(text.split())):
        search.find(text, persons=True)


# ---------------------------------------------------------------- normalised names, streets and telephone numbers


@pytest.fixture
def customers(post):
    """Post three orders of customers whose names people spell in other ways."""
    for number, (first, last, telephone, street) in enumerate(
        [
            ("Joëlle", "van den Heuvel-Jansen", "+31 6 1234 5678", "Kalverstraat"),
            ("Mehmet", "Yılmazoğlu", "020-7654321", "Écluselaan"),
            ("Åse", "d'Ørsted", None, "Kade"),
        ],
        1,
    ):
        customer = {"first_name": first, "last_name": last, "telephone": telephone, "street": street} | {
            "house_number": "12", "postcode": "1015ZZ", "city": "Utrecht", "email": "x@example.com"
        }  # fmt: skip
        post("order", sample("order", increment_id=f"00000080{number}", po_number=f"WEB-2001{number}",
                             shipping_address=customer, billing_address=customer))  # fmt: skip


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("jansen", "1"), ("heuvel-jansen", "1"), ("Heuvel Jansen", "1"), ("joelle jansen", "1"),
        ("joelle kalverstraat", "1"), ("heuvel, 1015ZZ", "1"), ("Jansen,Joëlle", "1"), ("0612345678", "1"),
        ("06-12345678", "1"), ("06 1234 5678", "1"), ("+31612345678", "1"), ("0031 6 12345678", "1"),
        ("kalverstr", "1"), ("kalverstraat 12", "1"), ("yilmazoglu", "2"), ("YILMAZOĞLU", "2"), ("Yılmaz", "2"),
        ("020 765 4321", "2"), ("eclusel", "2"), ("orsted", "3"), ("d'orsted", "3"), ("ørsted", "3"),
        ("ase orsted", "3"), ("web 20013", "3"),
    ],
)  # fmt: skip
def test_customer_is_found_however_the_name_is_spelt(customers, text, number):
    assert found(text, "order") == {f"00000080{number}"}


def test_changed_address_is_found_by_its_new_name_only(customers, post):
    customer = {"first_name": "Ans", "last_name": "Çelik", "postcode": "1015ZZ", "email": "x@example.com"}
    post("order", sample("order", increment_id="000000802", po_number="WEB-20012", shipping_address=customer,
                         billing_address=customer, updated_at="2030-01-01T00:00:00+00:00"))  # fmt: skip
    assert found("celik", "order") == {"000000802"}
    assert found("yilmazoglu", "order") == set()


def test_addresses_without_keys_are_given_them_by_the_worker(customers):
    keys = dict.fromkeys(search_keys.KEYS)
    Address.objects.update(**keys, keys_due=True)
    assert found("yilmazoglu", "order") == set()
    search_index.throttle.reset()
    assert search_index.index_due() == Address.objects.count() == 6
    assert found("yilmazoglu", "order") == {"000000802"}
    assert not Address.objects.filter(keys_due__isnull=False).exists()
