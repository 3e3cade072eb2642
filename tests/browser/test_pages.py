"""Each page of the admin, in both languages, on a desk and on a phone, light and dark."""

import pytest

from tests.browser.pages import PAGES
from tests.browser.visit import DESKTOP, PHONE

pytestmark = [
    pytest.mark.browser,
    pytest.mark.sqlite,  # the pages are the same on every database
    pytest.mark.django_db(transaction=True, databases="__all__"),
]
WINDOWS = (
    {"language": "en", "size": DESKTOP},
    {"language": "nl", "size": PHONE, "dark": True},
)
PARTS = 6  # several pages for each shop, which takes longer to fill than a page to open


@pytest.mark.parametrize("part", range(PARTS))
def test_pages_fit_are_readable_to_all_and_break_no_policy(visit, filled_shop, part):
    for options in WINDOWS:
        window = visit(**options)
        for name in list(PAGES)[part::PARTS]:
            window.go(PAGES[name]())
            window.check(name)
