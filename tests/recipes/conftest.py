"""`test_recipes.py` runs the tests in `shop` in another process, because they need other settings."""

from django.conf import settings

collect_ignore = ["project"] if settings.ROOT_URLCONF == "shop.urls" else ["project", "shop"]
