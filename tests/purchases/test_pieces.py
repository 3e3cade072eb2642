"""Which lines of a document have pieces: fast, and the same as by comparing each line with each other."""

from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from stockhub_webhooks.purchases.pieces import with_pieces

LINE = st.builds(
    SimpleNamespace,
    sku=st.sampled_from(["a", "b", "", None]),
    size=st.sampled_from(["M", "L", "", None]),
    parent_sku=st.sampled_from(["p", None]),
    item_price_inc_tax=st.sampled_from([1, None]),
    qty=st.sampled_from([0, 1, 2, 3, None]),
)


def is_child(item, parent):
    if item is parent or not item.sku or item.sku != parent.sku:
        return False
    if item.size and parent.size and item.size != parent.size:
        return False
    names_a_parent = bool(item.parent_sku) and not parent.parent_sku
    return names_a_parent or (bool(parent.item_price_inc_tax) and not item.item_price_inc_tax)


def by_comparing_all(items):
    parents, children = set(), set()
    for item in items:
        own = [other for other in items if is_child(other, item)]
        unmatched = [child for child in own if id(child) not in children]
        number = item.qty or 0
        if number not in (0, sum(child.qty or 0 for child in unmatched)):
            unmatched = [child for child in unmatched if (child.qty or 0) == number][:1]
        if id(item) not in children and (unmatched or (own and not number)):
            parents.add(id(item))
            children.update(map(id, unmatched))
    return [item for item in items if id(item) not in parents]


@given(st.lists(LINE, max_size=14))
@settings(max_examples=4 * settings.default.max_examples)
def test_lines_with_pieces_are_those_of_comparing_each_line_with_each_other(items):
    assert list(map(id, with_pieces(items))) == list(map(id, by_comparing_all(items)))
