"""Fixtures of the admin, for the tests of its security."""

from tests.admin.conftest import clerk, filled, list_url, page_url
from tests.admin.test_permissions import persons

__all__ = ["clerk", "filled", "list_url", "page_url", "persons"]
