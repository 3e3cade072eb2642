"""Numbers for Prometheus, where the shop asks for them with `METRICS` and has `prometheus-client` (extra `metrics`).

``tables`` tells what stands in the tables, the same in every process; ``counters`` counts what happens in this one.
Both are in `prometheus_client.REGISTRY` from their import on, as metrics are. ``exposition`` writes ours as text, over
all processes of a server, and ``views`` and ``urls`` give that to who may see it. Nothing here but this file is
imported, and no `prometheus_client`, by a shop that does not ask.
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
    """Count from now on in this process, where it is wanted."""
    if is_wanted():
        from stockhub_webhooks.contrib.metrics import counters, tables  # noqa: F401 - it shows itself

        counters.connect()
