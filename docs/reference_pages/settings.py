"""The page of the settings, with a value of each as an example."""

from collections.abc import Iterator
from typing import Any

from docs.reference_pages.markdown import HEAD, code, linked, table, value

# A value of each setting, as it may be written.
EXAMPLES: dict[str, Any] = {
    "API_KEYS": {"default": ["the-present-key", "the-next-key"], "test": "a-key-to-try-things-out"},
    "REQUIRE_API_KEY": True,
    "RUNNER": "worker",
    "QUEUE": "stockhub",
    "INLINE_BUDGET_SECONDS": 2.0,
    "MAX_BODY_BYTES": 4 * 1024 * 1024,
    "SPOOL_DIR": "/var/lib/shop/stockhub-spool",
    "DATABASE_TIMEOUT_SECONDS": 10.0,
    "NAIVE_TIMEZONE": "Europe/Amsterdam",
    "MAX_ATTEMPTS": 30,
    "BACKOFF_BASE_SECONDS": 60.0,
    "BACKOFF_MAX_SECONDS": 3600.0,
    "LEASE_SECONDS": 30.0,
    "RECEIVER_ALARM_SECONDS": 120.0,
    "TRUSTED_PROXIES": 1,
    "KEEP_REFUSED": 0,
    "KEEP_REFUSED_BYTES": 16 * 1024 * 1024,
    "ALERT": "shop.alarms.send_to_chat",
    "SILENCE_AFTER_HOURS": 12.0,
    "SITE_URL": "https://shop.example",
    "OPENING_HOURS": ("08:00", "18:00"),
    "OPENING_WEEKDAYS": (0, 1, 2, 3, 4),
    "HOST_ORDER_RESOLVER": "orders.stockhub_receivers.find_order",
    "HOST_LINE_RESOLVER": "orders.stockhub_receivers.find_line",
    "HOST_ORDER_NUMBER": "number",
    "RETENTION_DAYS": {"addresses": 365, "events": None},
    "ERASURE_LOG": "/mnt/backup/stockhub-erasures.jsonl",
    "REST_BASE_URL": "https://magento.example/rest/all",
    "REST_TOKEN": "the-token",
    "REST_AUTH": "shop.magento.headers",
    "RECENT_PO_NUMBERS": "orders.stockhub_receivers.recent_numbers",
    "JOURNAL_COPY_DIR": "/mnt/second/stockhub-journal",
    "DEADLINE_DAYS": {"not_sent": 5, "silent_in_transit": None},
    "METRICS": True,
    "METRICS_TOKEN": "a-token-of-its-own",
}
TYPE_NAMES = {"NoneType": "None", "Mapping": "dict"}
UNITS = ("seconds", "bytes", "hours", "days")


def page() -> Iterator[str]:
    """Yield the page of the settings."""
    from stockhub_webhooks.conf import conf

    yield from ("# Settings", "", HEAD, "", "Keys of the dict `STOCKHUB_WEBHOOKS`. A misspelt key is an error of the")
    yield from ("system check; a value of another type is one, too, and counts as not set.", "")
    rows = ([f"[`{name}`](#{name.lower()})", value(conf.setting(name).default)] for name in conf.names())
    yield from table(["setting", "default"], rows)
    for name in conf.names():
        setting = conf.setting(name)
        names = dict.fromkeys(TYPE_NAMES.get(each.__name__, each.__name__) for each in setting.types)
        kinds = " or ".join(map(code, names))
        unit = next((f" in {unit}" for unit in UNITS if name.lower().rpartition("_")[2] == unit), "")
        unit = " by kind, in days" if name in ("RETENTION_DAYS", "DEADLINE_DAYS") else unit
        yield from (f"## `{name}`", "", linked(setting.sentence), "")
        yield from (f"- type: {kinds}{unit}", f"- default: {value(setting.default)}")
        yield from (f"- example: {value({name: EXAMPLES[name]})[2:-2].join('``')}", "")
