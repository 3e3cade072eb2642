"""No cache keeps a page, a file or an answer that may show persons; each is found by its URL."""

import pytest
from django.urls import get_resolver, reverse

from stockhub_webhooks.models import Event, Order
from tests.security.pages import NAMES, addresses, all_pages

pytestmark = pytest.mark.django_db(databases="__all__")
REST = get_resolver("stockhub_webhooks.contrib.rest.urls").url_patterns
EXPORT = {"topic": "order", "first": "2000-01-01", "last": "2100-01-01"}


def is_kept_out_of_caches(answer):
    return {"no-store", "private"} <= set(answer.get("Cache-Control", "").split(", "))


def test_no_page_of_the_admin_is_cached(filled, staff):
    pages = {*all_pages("Testman"), *(address for name in NAMES for address in addresses(name))}
    assert len(pages) > len(NAMES)
    shown = {page: answer for page in pages if (answer := staff.get(page)).status_code not in (403, 404, 405)}
    assert len(shown) > len(NAMES) / 2
    assert [page for page, answer in shown.items() if not is_kept_out_of_caches(answer)] == []


def test_no_file_is_cached(filled, staff, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
    answer = staff.post(reverse("admin:stockhub_webhooks_export"), EXPORT)
    assert answer.streaming
    assert is_kept_out_of_caches(answer)


@pytest.mark.parametrize("name", sorted({pattern.name for pattern in REST}))
def test_no_answer_of_the_rest_api_is_cached(filled, staff, client, name):
    row = {"order": Order, "event": Event}[name.partition("-")[0]].objects.first()
    arguments = [row.pk] if name.endswith("-detail") else []
    address = reverse(f"stockhub_webhooks_rest:{name}", args=arguments)
    for answer in (staff.get(address), staff.head(address), staff.post(address), client.get(address)):
        assert is_kept_out_of_caches(answer)
