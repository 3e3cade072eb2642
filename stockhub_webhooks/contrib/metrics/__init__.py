"""Metrics for Prometheus, if the shop sets `METRICS` and has `prometheus-client` (extra `metrics`).

``tables`` has gauges that are read from the database, ``counters`` count what happens in this process. Both register
in `prometheus_client.REGISTRY` when they are imported. ``exposition`` writes the metrics of this app as text, for all
processes of a server, and ``views`` and ``urls`` serve that text. A shop without `METRICS` imports only this file, and
not `prometheus_client`.
"""

from importlib.util import find_spec

from stockhub_webhooks.conf import conf


def is_installed() -> bool:
    """Return True if `prometheus-client` can be imported, without importing it."""
    return find_spec("prometheus_client") is not None


def is_wanted() -> bool:
    """Return True if the shop has set `METRICS` and `prometheus-client` is installed."""
    return conf.METRICS and is_installed()


def start() -> None:
    """Register the metrics and start counting in this process, if the shop wants metrics."""
    if is_wanted():
        from stockhub_webhooks.contrib.metrics import counters, tables  # noqa: F401 - its import registers the gauges

        counters.connect()
