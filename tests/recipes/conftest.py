"""The tests in `shop` need the settings of the recipes' shop: `test_recipes.py` runs them in a process of their own."""

from django.conf import settings

collect_ignore = ["project"] if settings.ROOT_URLCONF == "shop.urls" else ["project", "shop"]
