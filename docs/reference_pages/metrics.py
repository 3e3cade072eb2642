"""The page of the metrics."""

from collections.abc import Iterable, Iterator

from docs.reference_pages.markdown import HEAD, code, linked, table


def page() -> Iterator[str]:
    """Yield the page of the metrics."""
    from stockhub_webhooks.contrib.metrics import counters
    from stockhub_webhooks.contrib.metrics.tables import FROM_TABLES, WITHOUT_DATABASE

    yield from ("# Metrics", "", HEAD, "", linked("How to set them up: [docs/metrics.md](docs/metrics.md)."), "")
    rows = [
        [named(f"stockhub_webhooks_{gauge.name}", "gauge", filter(None, [gauge.label])), gauge.help]
        for gauge in (*WITHOUT_DATABASE, *FROM_TABLES)
    ]
    for metric in counters.ALL:
        (family,) = metric.describe()
        ending = "_total" if family.type == "counter" else ""
        labels = metric._labelnames  # type: ignore[attr-defined]
        rows.append([named(f"{family.name}{ending}", family.type, labels), family.documentation])
    yield from table(["metric", "what it is"], rows)


def named(metric: str, kind: str, labels: Iterable[str]) -> str:
    """Return a metric with its labels and its type."""
    return " ".join([code(metric), *(code(f"{{{label}}}") for label in labels), kind])
