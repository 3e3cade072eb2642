"""Lines of a purchase: how many pieces reached which step."""

import pytest

from tests.office.story.conftest import line, return_item
from tests.samples import sample

pytestmark = pytest.mark.django_db


def counted(lines, *names):
    return [tuple(getattr(found, name) for name in ("sku", "size", *names)) for found in lines]


def test_documents_count_on_the_line_with_their_sku_and_size(tell, lines):
    tell.order(("A", "L", 3), ("A", "S", 2), ("B", "L", 1))
    tell.shipment(("A", "L", 1))
    tell.delivered(("A", "L", 1), ("A", "S", 2))
    tell.rma(return_item("A", "S", number=2, qty_returned=1))
    tell.credit(("A", "S", 1))
    assert counted(lines(), "ordered", "sent", "delivered", "asked_back", "returned", "refunded", "open") == [
        ("A", "L", 3, 2, 1, 0, 0, 0, 1),
        ("A", "S", 2, 2, 2, 2, 1, 1, 0),
        ("B", "L", 1, 0, 0, 0, 0, 0, 1),
    ]


def test_equal_lines_are_filled_one_after_the_other(tell, lines):
    tell.order(("A", "L", 1), ("A", "L", 2))
    tell.shipment(("A", "L", 1), ("A", "L", 1))
    assert counted(lines(), "sent") == [("A", "L", 1), ("A", "L", 1)]
    tell.shipment(("A", "L", 1))
    assert counted(lines(), "sent") == [("A", "L", 1), ("A", "L", 2)]
    assert not any(found.is_too_much for found in lines())


FREE = {"item_price_inc_tax": 0, "row_total_inc_tax": 0}
PARENT_AND_CHILD = {
    "names its parent": ({"parent_sku": None, "size": None}, {"parent_sku": "A"}),
    "same size": ({"parent_sku": None}, FREE),
    "without a price": ({}, FREE),
    "price not said": ({}, {"item_price_inc_tax": None, "row_total_inc_tax": None, "size": None}),
    "parent without a number": ({"parent_sku": None, "number": None}, FREE),
    "parent of nothing": ({"parent_sku": None, "number": 0}, FREE),
}


def family(parent, child, name="qty_ordered"):
    """A parent line and its child, of two pieces, as Magento lists a configurable article."""
    return [line(**{"number": 2, "name": name} | values) for values in (parent, child)]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("parent", "child"), PARENT_AND_CHILD.values(), ids=PARENT_AND_CHILD)
def test_parent_line_and_its_child_count_once(tell, lines, steps, parent, child, turned):
    items = [*family(parent, child), line("B", name="qty_ordered")]
    tell("order", items[::-1] if turned else items)
    tell.delivered(("A", "L", 2), ("B", "L", 1))
    assert sorted(counted(lines(), "ordered", "sent")) == [("A", lines()[turned].size, 2, 2), ("B", "L", 1, 1)]
    assert (steps()["shipped"].pieces, steps()["shipped"].of) == (3, 3)


def test_parent_line_counts_once_in_each_document(tell, lines):
    parent, child = PARENT_AND_CHILD["names its parent"]
    tell("order", family(parent, child))
    tell("shipment", family(parent, child, "qty"), status="DELIVERED")
    tell.rma(
        return_item("A", None, number=2, parent_sku=None, qty_returned=2),
        return_item("A", "L", number=2, parent_sku="A", qty_returned=2),
    )
    tell("creditmemo", [{**item, "reversal": "NONE", "return_item_fee": 0} for item in family(parent, child, "qty")])
    assert counted(lines(), "ordered", "delivered", "returned", "refunded") == [("A", "L", 2, 2, 2, 2)]


def test_parent_line_with_the_pieces_of_all_its_sizes_does_not_count(tell, lines):
    parent = line(size=None, number=3, name="qty_ordered", parent_sku=None)
    tell("order", [parent, line(size="L", name="qty_ordered"), line(size="S", number=2, name="qty_ordered")])
    assert counted(lines(), "ordered") == [("A", "L", 1), ("A", "S", 2)]


def test_line_that_looks_like_a_parent_counts_once_its_pieces_are_sent(tell, lines):
    tell("order", family({}, FREE))
    tell.shipment(("A", "L", 2))
    tell.shipment(("A", "L", 2))
    assert counted(lines(), "ordered", "sent") == [("A", "L", 2, 2), ("A", "L", 2, 2)]


@pytest.mark.parametrize("other", [{}, {"sku": "B", **FREE}, {"size": "S", **FREE}, {"number": 1, **FREE}])
def test_lines_of_which_none_is_the_parent_of_the_other_both_count(tell, lines, other):
    tell("order", family({}, other))
    assert sum(found.ordered for found in lines()) == 2 + other.get("number", 2)


def test_child_line_has_one_parent(tell, lines):
    tell("order", [*family({}, {}), line(number=2, name="qty_ordered", **FREE)])
    assert counted(lines(), "ordered") == [("A", "L", 2), ("A", "L", 2)]


def test_document_without_a_size_counts_on_the_only_line_of_its_sku(tell, lines):
    tell.order(("A", "L", 1), ("B", "L", 1), ("B", "S", 1))
    tell.shipment(("A", None, 1), ("B", None, 1))
    assert counted(lines(), "ordered", "sent") == [
        ("A", "L", 1, 1), ("B", "L", 1, 0), ("B", "S", 1, 0), ("B", "", None, 1),
    ]  # fmt: skip


def test_article_of_no_order_is_a_line_with_an_unknown_number(tell, lines):
    tell.order(("A", "L", 1))
    tell.shipment(("Z", "L", 2))
    known, unknown = lines()
    assert (known.sent, known.open) == (0, 1)
    assert (unknown.order, unknown.ordered, unknown.expected, unknown.open) == (None, None, None, None)
    assert unknown.sent == 2
    assert not unknown.is_too_much


def test_surplus_over_the_ordered_number_is_shown(tell, lines):
    tell.order(("A", "L", 1))
    tell.shipment(("A", "L", 3))
    (found,) = lines()
    assert (found.sent, found.open, found.is_too_much) == (3, 0, True)


def test_missing_number_is_unknown(tell, lines):
    tell.order(("A", "L", None))
    (found,) = lines()
    assert (found.ordered, found.open) == (None, None)


@pytest.mark.parametrize("reversal", ["CANCELLED", "canceled"])
def test_pieces_credited_as_cancelled_are_not_expected(tell, lines, reversal):
    tell.order(("A", "L", 3))
    tell.credit(("A", "L", 1), reversal=reversal)
    (found,) = lines()
    assert (found.cancelled, found.refunded, found.expected, found.open) == (1, 1, 2, 2)


def test_unsent_pieces_of_a_cancelled_order_are_cancelled(tell, lines):
    tell.order(("A", "L", 3), status="canceled")
    tell.shipment(("A", "L", 1))
    (found,) = lines()
    assert (found.cancelled, found.open) == (2, 0)


def test_refused_pieces_are_not_expected(tell, lines):
    tell.order(("A", "L", 5))
    tell.rma(
        return_item("A", number=1, status="rejected"),
        return_item("A", number=2, qty_approved=1, status="closed"),
        return_item("A", number=2, qty_approved=1, status="approved_on_item"),
    )
    (found,) = lines()
    assert (found.asked_back, found.refused, found.returned) == (3, 2, 0)


def test_pieces_refused_after_their_return_are_not_refunded(tell, lines):
    tell.order(("A", "L", 3))
    tell.rma(return_item("A", number=2, qty_returned=2, status="rejected"), return_item("A", number=1, qty_returned=1))
    (found,) = lines()
    assert (found.asked_back, found.refused, found.returned, found.kept) == (3, 0, 3, 2)


def test_refused_return_counts_for_items_without_a_status(tell, lines):
    tell.order(("A", "L", 1))
    tell.rma(return_item("A", number=1, status=None), status="Denied")
    assert counted(lines(), "asked_back", "refused") == [("A", "L", 0, 1)]


def test_document_of_another_order_of_the_purchase_counts_on_its_line(tell, post, lines):
    tell.order(("A", "L", 1))
    post("shipment", sample("shipment", order_increment_id="999", items=[line()]))
    assert counted(lines(), "sent") == [("A", "L", 1)]


def test_document_with_another_order_number_is_not_counted(tell, lines, purchase):
    tell.order(("A", "L", 1))
    tell.shipment(("A", "L", 1), po_number="ANOTHER")
    assert counted(lines(), "sent") == [("A", "L", 0)]
    assert purchase().names_another(purchase().shipments[0])
