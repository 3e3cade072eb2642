"""The probable return of a credit note, with reasons; none if two match equally well."""

import pytest

from stockhub_webhooks.office import story
from tests.office.story.conftest import return_item

pytestmark = pytest.mark.django_db


@pytest.fixture
def guess(purchase):
    """Return the number of the return and the reasons, for the newest credit note."""

    def now():
        found = purchase()
        probable = story.Returns(found.rmas).probable(found.credit_memos[-1])
        return probable and (probable.rma.increment_id, *probable.reasons)

    return now


def test_articles_quantities_fee_and_time_are_reasons_for_a_return(tell, guess):
    tell.rma(return_item("A", number=2, row_line_return_fee=5), increment_id="1")
    tell.credit(("A", "L", 2), fee_amount=5)
    assert guess() == ("1", "articles", "quantities", "fee", "time")


def test_return_without_a_common_article_is_no_match(tell, guess):
    tell.rma(return_item("B"))
    tell.credit(("A", "L", 1))
    assert guess() is None


def test_another_size_of_a_sku_is_a_weaker_reason(tell, guess):
    tell.rma(return_item("A", "S"), increment_id="1", date_requested="2030-01-01T00:00:00+00:00")
    tell.credit(("A", "L", 1), fee_amount=0)
    assert guess() == ("1", "sku")
    tell.rma(return_item("A", "L", number=7), increment_id="2", date_requested="2030-01-01T00:00:00+00:00")
    assert guess() == ("2", "articles")


def test_return_with_equal_quantities_wins(tell, guess):
    tell.rma(return_item("A", number=1), increment_id="1")
    tell.rma(return_item("A", number=2), increment_id="2")
    tell.credit(("A", "L", 2))
    assert guess()[0] == "2"


def test_return_with_equal_fee_wins_among_equal_quantities(tell, guess):
    tell.rma(return_item("A", row_line_return_fee=1), increment_id="1")
    tell.rma(return_item("A", row_line_return_fee=2), increment_id="2")
    tell.credit(("A", "L", 1), fee_amount=None, return_fee_amount=2)
    assert guess()[0] == "2"


def test_nearest_earlier_return_wins_among_equal_matches(tell, guess):
    tell.credit(("A", "L", 1), created_at="2024-03-10T00:00:00+00:00", fee_amount=0)
    for number, day in enumerate(("01", "08", "11")):
        tell.rma(return_item("A"), increment_id=f"{number}", date_requested=f"2024-03-{day}T00:00:00+00:00")
    assert guess()[0] == "1"


def test_two_equal_matches_give_no_guess(tell, guess):
    for number in ("1", "2"):
        tell.rma(return_item("A"), increment_id=number, date_requested=None)
    tell.credit(("A", "L", 1))
    assert guess() is None


def test_cancelled_lines_and_refused_items_are_no_match(tell, guess):
    tell.rma(return_item("A", status="Rejected"), increment_id="1")
    tell.credit(("A", "L", 1))
    assert guess() is None
    tell.rma(return_item("A"), increment_id="2")
    tell.credit(("A", "L", 1), reversal="CANCELLED")
    assert guess() is None
