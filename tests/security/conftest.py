"""An admin with something of everything in it."""

from tests.admin.conftest import clerk, filled, list_url, page_url

__all__ = ["clerk", "filled", "list_url", "page_url"]
