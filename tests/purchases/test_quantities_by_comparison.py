"""The fast counting of pieces gives what comparing each line with each other gives."""

from collections import Counter
from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from stockhub_webhooks.office.story.purchase import PurchaseStory
from stockhub_webhooks.purchases import quantities

SKUS, SIZES = st.sampled_from(["a", "b", "", None]), st.sampled_from(["M", "L", "", None])


class Rows(list):
    """Rows of a relation."""

    def all(self):
        return self


def item(**values):
    plain = {"manufacturer": None, "mpn": None, "parent_sku": None, "item_price_inc_tax": 1, "reversal": ""}
    return st.builds(SimpleNamespace, sku=SKUS, size=SIZES, **{name: st.just(value) for name, value in plain.items()},
                     **values)  # fmt: skip


def document(item, **values):
    return st.builds(SimpleNamespace, items=st.lists(item, max_size=6).map(Rows), po_number=st.none(), **values)


ORDERS = st.lists(
    document(item(qty_ordered=st.sampled_from([None, 0, 1, 3])), is_cancelled=st.booleans()),
    min_size=1,
    max_size=3,
)
SHIPMENTS = st.lists(
    document(
        item(qty=st.sampled_from([None, -2, 0, 1, 2, 5])),
        order_id=st.sampled_from([0, 1, 2, 7]),
        has_left=st.just(True),
        is_delivered=st.booleans(),
    ),
    max_size=4,
)


def by_comparing_all(purchase):
    found = [quantities._line(each, order, each.qty_ordered) for order in purchase.orders for each in order.items]
    for shipment in purchase.shipments:
        positions = Counter()
        for each in shipment.items:
            matching = matching_lines(found, each, shipment)
            position = positions[each.sku, each.size]
            positions[each.sku, each.size] += 1
            for counted in ("sent", "delivered") if shipment.is_delivered else ("sent",):
                distribute(matching, position, counted, each.qty or 0)
    for line in found:
        line.cancelled = max((line.ordered or 0) - line.sent if line.order and line.order.is_cancelled else 0, 0)
    return found


def matching_lines(found, each, shipment):
    known = [line for line in found if line.sku == (each.sku or "")]
    for candidates in ([line for line in known if line.order and line.order.pk == shipment.order_id], known):
        matching = [line for line in candidates if line.size == (each.size or "")]
        if not matching and len(candidates) == 1 and not (each.size and candidates[0].size):
            matching = candidates
            matching[0].other_sizes.add(each.size or "")
        if matching:
            return matching
    found.append(quantities._line(each, None, None))
    return found[-1:]


def distribute(matching, position, counted, number):
    first = matching[min(position, len(matching) - 1)]
    for line in (first, *(other for other in matching if other is not first)):
        pieces = max(min(number, line.room(counted)), 0)
        setattr(line, counted, getattr(line, counted) + pieces)
        number -= pieces
    setattr(first, counted, getattr(first, counted) + number)


@given(ORDERS, SHIPMENTS)
@settings(max_examples=3 * settings.default.max_examples)
def test_pieces_are_those_of_comparing_each_line_with_each_other(orders, shipments):
    for pk, order in enumerate(orders):
        order.pk = pk
    purchase = PurchaseStory("default", "", orders, shipments)
    expected = [vars(line) | {"order": id(line.order), "item": id(line.item)} for line in by_comparing_all(purchase)]
    assert [
        vars(line) | {"order": id(line.order), "item": id(line.item)} for line in quantities.lines_of(purchase)
    ] == expected
