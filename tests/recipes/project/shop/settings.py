"""A shop that does what docs/guides/recipes.md shows, and nothing else."""

import django

SECRET_KEY = "only for tests"
USE_TZ = True
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "stockhub_webhooks", "shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}  # Django 6.1 warns without
# Django 6 wants addresses, 5.2 pairs
MANAGERS = ["office@shop.example"] if django.VERSION >= (6, 0) else [("Office", "office@shop.example")]
REHEARSAL_EMAIL = "developer@shop.example"
WAREHOUSE_URL = "http://127.0.0.1:9/"
WAREHOUSE_TOKEN = "the token of the warehouse"
STOCKHUB_WEBHOOKS = {
    "API_KEYS": {
        "default": "the-key-of-the-recipes-0123456789",
        "brand_b": "the-key-of-the-other-brand-012345",
        "test": "the-key-of-the-account-test-01234",
    },
    "HOST_ORDER_RESOLVER": "shop.recipes.orders.find_order",
}
