"""`test_shop.py` runs the tests in `shop` in another process, because they need the example's settings."""

from django.conf import settings

collect_ignore = [] if settings.ROOT_URLCONF == "project.urls" else ["shop"]
