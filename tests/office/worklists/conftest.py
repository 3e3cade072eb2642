"""The rules are on in the tests of the worklists."""

import pytest


@pytest.fixture(autouse=True)
def default_days(settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"DEADLINE_DAYS": {}}
