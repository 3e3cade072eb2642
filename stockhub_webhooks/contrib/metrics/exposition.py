"""Text format of the metrics of this app."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from stockhub_webhooks.contrib.metrics import counters
from stockhub_webhooks.contrib.metrics.tables import TABLES

PREFIX = "stockhub_webhooks_"


class AllProcesses:
    """Collector of the counters of all processes that share `PROMETHEUS_MULTIPROC_DIR`."""

    def collect(self) -> Iterable[Any]:
        """Return the metrics of this app; the shop's own metrics are in the same files."""
        collector: Any = MultiProcessCollector
        return (metric for metric in collector(None).collect() if metric.name.startswith(PREFIX))


def exposition(accept: str) -> tuple[bytes, str]:
    """Return the text and its content type, in the format that an `Accept` header asks for."""
    registry = CollectorRegistry()
    for collector in (AllProcesses(),) if "PROMETHEUS_MULTIPROC_DIR" in os.environ else counters.ALL:
        registry.register(collector)
    registry.register(TABLES)
    encoder, content_type = choose_encoder(accept)
    return encoder(registry), content_type
