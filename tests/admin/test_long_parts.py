"""Long tables are shown a part at a time: each row is reached, and sums are those of all rows."""

import re

import pytest
from django.template import Context, Template
from django.urls import reverse

from stockhub_webhooks.models import Event, Shipment
from tests.security import large

pytestmark = pytest.mark.django_db(databases="__all__")
COUNT = 450
FOLLOWING = re.compile(r'<a href="(\?[^"#]*(?:lines|parcels|changes)=\d+)#[^"]*">Next page</a>')


@pytest.fixture
def order():
    """Return an order of many lines, with a document of each kind and many messages."""
    order = large.order_of_many_lines(range(COUNT), large.LINES, large.sku)
    large.many_messages(range(COUNT), order)
    return order


def pages(http, address, name):
    """Yield the pages that the links of one table lead to, from the first."""
    query = ""
    while query is not None:
        page = http.get(address + query).text
        yield page
        links = [link.replace("&amp;", "&") for link in FOLLOWING.findall(page)]
        query = next((link for link in links if f"{name}=" in link), None)


def page_of(row):
    return reverse(f"admin:stockhub_webhooks_{row._meta.model_name}_change", args=[row.pk])


@pytest.mark.parametrize("story", [True, False])
def test_each_line_of_an_order_is_on_one_of_its_pages(staff, order, story):
    address = reverse("admin:stockhub_webhooks_order_story", args=[order.pk]) if story else page_of(order)
    found = list(pages(staff, address, "lines"))
    assert len(found) == 3
    tables = [page.partition('id="stockhub-lines"')[2].partition("</table>")[0] for page in found]
    seen = [sku for table in tables for sku in re.findall(r">(SKU-\d+)\b", table)]
    assert seen == [f"SKU-{number}" for number in range(COUNT)]
    assert "201 to 400 of 450" in tables[1]


def test_story_shows_the_sums_of_all_lines_first(staff, order):
    for page in pages(staff, reverse("admin:stockhub_webhooks_order_story", args=[order.pk]), "lines"):
        table = page.partition('id="stockhub-lines"')[2].partition("</table>")[0]
        total = table.index("Total")
        assert total < table.index("SKU-")
        assert f"<td>{COUNT}</td>" in table[total : table.index("SKU-")]


def test_each_parcel_of_a_shipment_is_on_one_of_its_pages(staff, order):
    shipment = Shipment.objects.get(po_number=large.LINES)
    numbers = {track.tracking_number for track in shipment.tracks.all()}
    text = "".join(pages(staff, page_of(shipment), "parcels"))
    assert {number for number in numbers if f">{number}<" in text} == numbers


def test_each_change_of_an_event_is_on_one_of_its_pages(staff, order):
    event = Event.objects.latest("pk")
    assert len(event.changes) == COUNT
    text = "".join(pages(staff, page_of(event), "changes"))
    assert {number for number in range(COUNT) if f"SKU-{number}/M#{number}" in text} == set(range(COUNT))


@pytest.mark.parametrize("number", ["0", "-1", "x", "99999", "9" * 30, "²"])
def test_part_that_does_not_exist_is_the_first_or_the_last(staff, order, number):
    page = staff.get(page_of(order), {"lines": number})
    assert page.status_code == 200
    assert ("401 to 450 of 450" if number == "99999" else "1 to 200 of 450") in page.text


def test_long_cells_and_the_tracking_tag_say_how_many_they_leave_out(staff, order):
    story = staff.get(reverse("admin:stockhub_webhooks_order_story", args=[order.pk])).text
    assert f"… and {COUNT - 20} more" in story
    tag = Template("{% load stockhub %}{% stockhub_tracking number %}").render(Context({"number": large.LINES}))
    assert tag.count("3S") == 200
    assert f"… and {COUNT - 200} more" in tag


def test_list_of_shipments_shows_the_first_parcels_and_a_link_to_the_others(staff, order):
    text = staff.get(reverse("admin:stockhub_webhooks_shipment_changelist"), {"q": large.LINES}).text
    assert text.count("https://carrier.example/") == 20
    assert "… show all" in text
