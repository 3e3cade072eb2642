"""The tests in `shop` need the example's settings: `test_shop.py` runs them in a process of their own."""

from django.conf import settings

collect_ignore = [] if settings.ROOT_URLCONF == "project.urls" else ["shop"]
