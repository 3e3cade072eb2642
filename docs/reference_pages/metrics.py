"""The page of the metrics."""

from collections.abc import Iterator

from docs.reference_pages.markdown import HEAD, code, linked, table


def page() -> Iterator[str]:
    """Yield the page of the metrics."""
    from stockhub_webhooks.contrib.metrics import counters
    from stockhub_webhooks.contrib.metrics.tables import FROM_TABLES, WITHOUT_DATABASE

    yield from ("# Metrics", "", HEAD, "", linked("How to set them up: [docs/metrics.md](docs/metrics.md)."), "")
    rows = [
        [f"`stockhub_webhooks_{gauge.name}`", "gauge", code(gauge.label), gauge.help]
        for gauge in (*WITHOUT_DATABASE, *FROM_TABLES)
    ]
    for metric in counters.ALL:
        (family,) = metric.describe()
        ending = "_total" if family.type == "counter" else ""
        labels = " ".join(map(code, metric._labelnames))  # type: ignore[attr-defined]
        rows.append([code(f"{family.name}{ending}"), family.type, labels, family.documentation])
    yield from table(["metric", "type", "labels", "what it is"], rows)
