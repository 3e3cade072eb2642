"""The pytest plugin: one fixture. pytest finds it by itself; `-p no:stockhub` leaves it out.

Loaded before Django has settings, so everything of ours is imported when a test asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from stockhub_webhooks.testing.kit import Kit


@pytest.fixture
def stockhub(request: pytest.FixtureRequest) -> Iterator[Kit]:
    """Stock Hub, for one test: `deliver`, `payload`, `life`, `play`, `run_pending`, `heard` and `only`.

    With pytest-django the test may use the database, in a transaction unless it asks for `transactional_db`.
    """
    from stockhub_webhooks.testing.kit import Kit

    if request.config.pluginmanager.has_plugin("django"):
        request.getfixturevalue("db")
    with Kit() as kit:
        yield kit
