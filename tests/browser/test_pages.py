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


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_is_readable_to_all_and_breaks_no_policy(visit, filled_shop, name):
    for options in WINDOWS:
        window = visit(**options)
        window.go(PAGES[name]())
        window.check(name)
