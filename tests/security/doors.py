"""Every page, answer and command of the app, found by the URL resolver, the admin and the registry of commands."""

import io
from contextlib import redirect_stdout, suppress
from functools import partial

from django.core.management import call_command, get_commands
from django.db import models as fields
from django.db.models import Count, ManyToOneRel
from django.db.models.functions import Length
from django.template import Context, Template
from django.urls import NoReverseMatch, URLPattern, get_resolver, reverse

from stockhub_webhooks.contract import topics
from tests.security.large import DOCUMENTS, LINES, ORDERS
from tests.security.pages import APP, admins

SEARCHED = (LINES, DOCUMENTS, ORDERS, "SKU-1", "3S", "Long")
LONG_FIELDS = (fields.JSONField, fields.TextField, fields.BinaryField)
# what a command needs; one without an entry is run as it is
ARGUMENTS = {
    "stockhub_dump": ["--since", "2020-01-01"],
    "stockhub_prune": ["--account", "test"],
    "stockhub_replay": ["--order", LINES, "--dry-run"],
    "stockhub_retry": ["--given-up"],
    "stockhub_worker": ["--once"],
}
# these take their data from outside
ELSEWHERE = {"stockhub_simulate", "stockhub_ingest", "stockhub_release"}


def longest_rows(model):
    """Return the keys of a model's rows that have the most rows of each relation, and the longest values."""
    rows = model._base_manager.order_by()
    longest = [rows.order_by("pk").first(), rows.order_by("pk").last()]
    for relation in model._meta.related_objects:
        if isinstance(relation, ManyToOneRel) and relation.related_model._meta.app_label == APP:
            counted = relation.related_model._base_manager.values(relation.field.name).order_by()
            most = counted.exclude(**{relation.field.name: None}).annotate(n=Count("pk")).order_by("-n").first()
            longest += [rows.get(pk=most[relation.field.name])] if most else []
    for field in model._meta.fields:
        if isinstance(field, LONG_FIELDS):
            longest.append(rows.annotate(length=Length(field.name)).order_by("-length", "pk").first())
    if hasattr(model, "po_number"):
        longest += [rows.filter(po_number=number).order_by("pk").first() for number in (LINES, DOCUMENTS, ORDERS)]
    return sorted({row.pk for row in longest if row is not None})


def patterns(resolver=None, namespaces=()):
    """Yield the full name of each URL with a name, and its view."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLPattern):
            if pattern.name:
                yield ":".join([*namespaces, pattern.name]), pattern.callback
        else:
            yield from patterns(pattern, [*namespaces, pattern.namespace] if pattern.namespace else namespaces)


def addresses():
    """Yield the URL of each page: of lists with searches, of rows for the longest ones."""
    seen = set()
    by_name = {each.opts.model_name: each.model for each in admins()}
    for name, _view in patterns():
        last = name.rpartition(":")[2]
        if name in seen or APP not in name or last.endswith(("_add", "_delete", "_history")):
            continue
        seen.add(name)
        yield from _addresses_of(name, last, by_name)
    yield reverse("admin:index")
    yield reverse("admin:app_list", args=[APP])


def _addresses_of(name, last, by_name):
    with suppress(NoReverseMatch):
        address = reverse(name)
        yield address
        if last.endswith(("_changelist", "_find")):
            yield from (f"{address}?q={text}" for text in SEARCHED)
        if last.endswith("_changelist"):
            yield f"{address}?p=2"
        if last.endswith("_export"):
            yield from (f"{address}?topic={topic}&first=2024-01-01&last=2024-12-31" for topic in topics.ALL)
        return
    part = last.replace(f"{APP}_", "").split("_")[0].split("-")[0]
    model = by_name.get(part)
    for pk in longest_rows(model) if model else ():
        for arguments in ({"args": [pk]}, {"kwargs": {"pk": pk}}):
            with suppress(NoReverseMatch):
                yield reverse(name, **arguments)
                break


def commands():
    """Return the names of our commands that need nothing from outside."""
    return sorted(name for name, app in get_commands().items() if app == APP and name not in ELSEWHERE)


def run(name):
    """Run a command; return its output."""
    out = io.StringIO()
    with suppress(SystemExit), redirect_stdout(out):
        call_command(name, *ARGUMENTS.get(name, ()), stdout=out, stderr=out)
    return out.getvalue()


def get(http, address):
    """Return the body of a page, which must be found."""
    answer = http.get(address)
    assert answer.status_code in (200, 302, 405), (address, answer.status_code)
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def download(http, topic):
    """Return an exported file with a row for each line."""
    values = {"topic": topic, "first": "2024-01-01", "last": "2024-12-31", "by_line": "yes"}
    return b"".join(http.post(reverse(f"admin:{APP}_export"), values))


def tag(number):
    """Return what the shop's customer sees."""
    return Template("{% load stockhub %}{% stockhub_tracking number %}").render(Context({"number": number}))


def box(number):
    """Return the box on the shop's own page of an order."""
    from django.contrib import admin
    from django.contrib.auth import get_user_model

    from stockhub_webhooks.admin.host_order import StockHubBoxMixin

    class Page(StockHubBoxMixin, admin.ModelAdmin):
        stockhub_po_number = "username"

    return Page(get_user_model(), admin.site).stockhub_box(get_user_model()(username=number))


def doors(http):
    """Yield each door: its name, and a function that opens it and returns what it shows."""
    for address in addresses():
        yield address, partial(get, http, address)
    for topic in topics.ALL:
        yield f"export {topic}", partial(download, http, topic)
    for number in (LINES, DOCUMENTS, ORDERS):
        yield f"tag {number}", partial(tag, number)
        yield f"box {number}", partial(box, number)
    for name in commands():
        yield name, partial(run, name)
