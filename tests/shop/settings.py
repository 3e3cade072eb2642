"""The hostile host with a shop in it."""

import json
import os

from tests.host.settings import *  # noqa: F403
from tests.host.settings import DATABASES, INSTALLED_APPS, STOCKHUB_WEBHOOKS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.shop"]
DATABASES["default"].setdefault("OPTIONS", {}).update(json.loads(os.environ.get("SHOP_DATABASE_OPTIONS", "{}")))
if "pool" in DATABASES["default"]["OPTIONS"]:
    DATABASES["default"]["CONN_MAX_AGE"] = 0  # Django asks for it
DATABASES["other"]["NAME"] = os.environ.get("OTHER_SQLITE_FILE", ":memory:")
STOCKHUB_WEBHOOKS = STOCKHUB_WEBHOOKS | {
    "RUNNER": os.environ.get("SHOP_RUNNER", "inline"),
    "LEASE_SECONDS": float(os.environ.get("SHOP_LEASE_SECONDS", "900")),
    "MAX_ATTEMPTS": int(os.environ.get("SHOP_MAX_ATTEMPTS", "20")),
    "BACKOFF_BASE_SECONDS": float(os.environ.get("SHOP_BACKOFF_SECONDS", "30")),
    "INLINE_BUDGET_SECONDS": float(os.environ.get("SHOP_INLINE_BUDGET_SECONDS", "5")),
    "RECEIVER_ALARM_SECONDS": float(os.environ.get("SHOP_ALARM_SECONDS", "60")),
    "SPOOL_DIR": os.environ.get("SHOP_SPOOL_DIR", ""),
    "DATABASE_TIMEOUT_SECONDS": float(os.environ.get("SHOP_PATIENCE_SECONDS", "20")),
    "ALERT": os.environ.get("SHOP_ALERT", "django.core.mail.mail_admins"),
    "MAX_BODY_BYTES": int(os.environ.get("SHOP_MAX_BODY_BYTES", str(1024 * 1024))),
    "METRICS": os.environ.get("SHOP_METRICS", "0") == "1",
    "METRICS_TOKEN": os.environ.get("SHOP_METRICS_TOKEN", ""),
    "TRUSTED_PROXIES": int(os.environ.get("SHOP_TRUSTED_PROXIES", "0")),
    "KEEP_REFUSED": int(os.environ.get("SHOP_KEEP_REFUSED", "100")),
}
if "SHOP_RETENTION" in os.environ:
    STOCKHUB_WEBHOOKS["RETENTION_DAYS"] = json.loads(os.environ["SHOP_RETENTION"])
if "SHOP_TEST_KEY" in os.environ:
    STOCKHUB_WEBHOOKS["API_KEYS"] = {"default": STOCKHUB_WEBHOOKS["API_KEYS"], "test": os.environ["SHOP_TEST_KEY"]}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "loggers": {"stockhub_webhooks": {"handlers": ["stderr"], "level": "WARNING"}},
}

CELERY_BROKER_URL = os.environ.get("SHOP_BROKER", "")
CELERY_BEAT_SCHEDULE = {"stockhub": {"task": "stockhub_webhooks.wake", "schedule": 1.0}}  # 60 seconds in real life

SHOP_TASKS = os.environ.get("SHOP_TASKS", "")
if SHOP_TASKS:
    INSTALLED_APPS += ["django_tasks_db"]
    TASKS = {"default": {"BACKEND": SHOP_TASKS}}
