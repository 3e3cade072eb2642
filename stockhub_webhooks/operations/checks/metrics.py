"""Checks of the metrics: Prometheus can read them, and unauthorised clients cannot."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name

from stockhub_webhooks.conf import NAME, conf
from stockhub_webhooks.operations.checks.keys import SHORTEST_SECRET, is_short

SHARED_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


def not_installed() -> Iterable[CheckMessage]:
    """E019: the metrics are on, but their package is not installed."""
    if conf.METRICS and find_spec("prometheus_client") is None:
        yield Error(
            f"{NAME}['METRICS'] is on, but prometheus-client is not installed, so nothing is counted.",
            hint='Install it: pip install "django-stockhub-webhooks[metrics]".',
            id="stockhub_webhooks.E019",
        )


def token_is_a_key() -> Iterable[CheckMessage]:
    """E020: `METRICS_TOKEN` is also a key, so a monitor could write orders into the shop."""
    token = conf.METRICS_TOKEN.strip()
    if token and any(token in keys for keys in conf.accounts().values()):
        yield Error(
            f"{NAME}['METRICS_TOKEN'] is also a key in API_KEYS, so anyone who reads the metrics can post messages.",
            hint='Make a separate token: python -c "import secrets; print(secrets.token_urlsafe(32))"',
            id="stockhub_webhooks.E020",
        )


def weak_token() -> Iterable[CheckMessage]:
    """W024: a short `METRICS_TOKEN`, although it is the only protection of the page."""
    if (token := conf.METRICS_TOKEN.strip()) and is_short(token):
        yield Warning(
            f"{NAME}['METRICS_TOKEN'] has fewer than {SHORTEST_SECRET} characters.",
            hint='Make a longer token: python -c "import secrets; print(secrets.token_urlsafe(32))"',
            id="stockhub_webhooks.W024",
        )


def no_shared_directory() -> Iterable[CheckMessage]:
    """W025: prometheus-client does not create its directory, and fails at each count."""
    directory = os.environ.get(SHARED_DIRECTORY)
    if conf.METRICS and directory is not None and not Path(directory).is_dir():
        yield Warning(
            f"{SHARED_DIRECTORY} is set but is not a directory, so nothing is counted and the page fails.",
            hint="Create it, empty, before the server starts.",
            id="stockhub_webhooks.W025",
        )


CHECKS = (not_installed, token_is_a_key, weak_token, no_shared_directory)
