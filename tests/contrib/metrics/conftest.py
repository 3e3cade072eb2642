"""A shop that asks for metrics."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stockhub_webhooks.contrib.metrics import counters
from stockhub_webhooks.contrib.metrics.exposition import exposition
from tests.conftest import KEY, TEST_KEY

TOKEN = "the-token-of-prometheus-0123456789"
ADDRESS = "/stockhub/metrics"
SETTINGS = {"API_KEYS": {"default": KEY, "test": TEST_KEY}, "METRICS": True, "METRICS_TOKEN": TOKEN}


def numbers(text):
    """What an exposition says, as far as it counts.

    By the sample's name without our prefix, and the values of its labels, in the alphabetical order of their names.
    """
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if not sample.name.endswith(("_bucket", "_created")):
                key = (sample.name.removeprefix("stockhub_webhooks_"), *map(sample.labels.get, sorted(sample.labels)))
                found[key] = sample.value
    return found


@pytest.fixture
def counting(settings):
    """Count from 0, until the test is over."""
    settings.STOCKHUB_WEBHOOKS = SETTINGS
    for metric in counters.ALL:
        metric.clear()
    counters.connect()
    yield
    for signal, count in counters.COUNTING_FUNCTIONS:
        signal.disconnect(dispatch_uid=f"{counters.__name__}.{count.__name__}")
        assert count not in [receiver for _, receiver, *_ in signal.receivers]


@pytest.fixture
def scrape():
    """What the metrics say now, as Prometheus would read it."""
    return lambda: numbers(exposition("")[0].decode())
