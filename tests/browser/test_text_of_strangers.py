"""Names with right-to-left letters and overrides: what a browser draws has the order in which it is written."""

import pytest
from django.urls import reverse

from stockhub_webhooks.models import Order, Shipment
from tests.browser.visit import DESKTOP, PHONE
from tests.samples import sample

pytestmark = [
    pytest.mark.browser,
    pytest.mark.sqlite,
    pytest.mark.django_db(transaction=True, databases="__all__"),
]

OVERRIDE, EMBEDDING = "\u202e", "\u202b"
ARABIC, HEBREW = "محمد", "דוד"
# the letters and digits that are drawn to the left of one that is written before them, in the same line of a block
BACKWARDS = r"""() => {
    const found = [], range = document.createRange(), last = new Map();
    const walker = document.createTreeWalker(document.querySelector("#content"), NodeFilter.SHOW_TEXT);
    const blockOf = (element) => {
        while (getComputedStyle(element).display.startsWith("inline")) element = element.parentElement;
        return element;
    };
    for (let node; (node = walker.nextNode());) {
        if (node.parentElement.closest("script, style, textarea, select, svg")) continue;
        const block = blockOf(node.parentElement);
        for (const match of node.data.matchAll(/[A-Za-z0-9]/g)) {
            range.setStart(node, match.index);
            range.setEnd(node, match.index + 1);
            const box = range.getBoundingClientRect(), before = last.get(block);
            if (!box.width) continue;
            if (before && Math.abs(before.top - box.top) < 2 && box.left < before.left) found.push(node.data);
            last.set(block, box);
        }
    }
    return found;
}"""


@pytest.fixture
def pages(post):
    """An order of a stranger with odd names in all that the office reads."""
    track = {
        "tracking_number": f"1Z{OVERRIDE}0001",
        "carrier": f"{ARABIC} 77",
        "tracking_url": f"https://a.example/{OVERRIDE}",
    }
    order = sample("order", increment_id="000000801", po_number=f"{HEBREW} 12{OVERRIDE}34", status=f"new{EMBEDDING} 9")
    for item in order["items"]:
        item |= {"sku": f"{ARABIC} 36 blue", "size": f"{OVERRIDE}XL 42"}
    order["shipping_address"] |= {"first_name": f"{HEBREW} 5", "last_name": f"Jansen{OVERRIDE} 6"}
    assert post("order", order).status_code == 200
    assert post("order", order | {"increment_id": "000000802", "po_number": f"x{OVERRIDE} 9"}).status_code == 200
    assert post("shipment", sample("shipment", order_increment_id="000000801", track=track)).status_code == 200
    row, shipment = Order.objects.get(increment_id="000000801"), Shipment.objects.latest("pk")
    return [
        reverse("admin:stockhub_webhooks_order_story", args=[row.pk]),
        reverse("admin:stockhub_webhooks_order_change", args=[row.pk]),
        reverse("admin:stockhub_webhooks_shipment_change", args=[shipment.pk]),
        reverse("admin:stockhub_webhooks_order_changelist"),
        reverse("admin:stockhub_webhooks_shipment_changelist"),
        reverse("admin:stockhub_webhooks_event_changelist"),
        reverse("admin:stockhub_webhooks_find") + "?q=00000080",
    ]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_text_is_drawn_in_the_order_in_which_it_is_written(visit, pages, size):
    window = visit(size=size)
    for number, address in enumerate(pages):
        page = window.go(address)
        assert "⟨U+202" in page.locator("body").inner_text(), address
        assert page.evaluate(BACKWARDS) == [], address
        assert OVERRIDE not in page.title()
        window.check(f"strangers-{number}")
