"""Plugin for pytest with the fixture `stockhub`. pytest loads it by itself; `-p no:stockhub` turns it off.

pytest loads plugins before Django has settings, so the fixture imports the kit when a test uses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from stockhub_webhooks.testing.kit import Kit


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark a test that uses the fixture for pytest-django, which wants database use marked beforehand."""
    uses_it = "stockhub" in getattr(item, "fixturenames", ())
    if uses_it and item.config.pluginmanager.has_plugin("django") and not item.get_closest_marker("django_db"):
        item.add_marker(_database_mark())


def _database_mark() -> pytest.MarkDecorator:
    """Return the mark for the shop's database, and for ours if a router puts our tables elsewhere."""
    from django.apps import apps

    if not apps.ready:  # the test will say so
        return pytest.mark.django_db
    from stockhub_webhooks.db.connections import database_alias

    return pytest.mark.django_db(databases=list(dict.fromkeys(["default", database_alias()])))


@pytest.fixture
def stockhub() -> Iterator[Kit]:
    """Stock Hub for one test: `deliver`, `payload`, `life`, `play`, `run_pending`, `replay`, `heard` and `only`.

    With pytest-django the test may use the database, in a transaction unless it asks for real ones
    (`@pytest.mark.django_db(transaction=True)` or `transactional_db`).
    """
    from stockhub_webhooks.testing.kit import Kit

    with Kit() as kit:
        yield kit
