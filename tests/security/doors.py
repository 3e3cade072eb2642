"""Every page, answer and command of the app, found by the URL resolver, the admin and the registry of commands."""

import io
import os
from contextlib import redirect_stdout, suppress
from functools import partial

from django.core.management import CommandError, call_command, get_commands
from django.db import models as fields
from django.db.models import Count, ManyToOneRel
from django.db.models.functions import Length
from django.template import Context, Template
from django.urls import NoReverseMatch, URLPattern, get_resolver, reverse

from stockhub_webhooks.contract import topics
from tests.security.large import DOCUMENTS, LINES, ORDERS, TWINS
from tests.security.pages import APP, admins

NUMBERS = (LINES, TWINS, DOCUMENTS, ORDERS)
SEARCHED = (*NUMBERS, "SKU-1", "SKU-", "3S", "Long")  # in the drill each list for all of them, otherwise for two
LONG_FIELDS = (fields.JSONField, fields.TextField, fields.BinaryField)
# what a command needs; one without an entry is run as it is
ARGUMENTS = {
    "stockhub_dump": ["--since", "2020-01-01"],
    "stockhub_pause": ["security.none"],
    "stockhub_prune": ["--account", "test"],
    "stockhub_replay": ["--order", LINES, "--dry-run"],
    "stockhub_resume": ["security.none"],
    "stockhub_retry": ["--given-up"],
    "stockhub_worker": ["--once"],
}
# these take their data from outside
ELSEWHERE = {"stockhub_simulate", "stockhub_ingest", "stockhub_release"}


def longest_rows(model):
    """Return the rows of a model that have the most rows of a relation or the longest value, by what they are."""
    rows = model._base_manager.order_by()
    longest = {}
    if hasattr(model, "po_number"):
        longest |= {number: rows.filter(po_number=number).order_by("pk").first() for number in NUMBERS}
    for relation in model._meta.related_objects:
        if isinstance(relation, ManyToOneRel) and relation.related_model._meta.app_label == APP:
            name = relation.field.name
            counted = relation.related_model._base_manager.exclude(**{name: None}).values(name).order_by()
            most = counted.annotate(number=Count("pk")).order_by("-number", name).first()
            longest[f"most {relation.name}"] = rows.get(pk=most[name]) if most else None
    for field in model._meta.fields:
        if isinstance(field, LONG_FIELDS):
            by_length = rows.annotate(length=Length(field.name)).order_by("-length", "pk")
            longest[f"longest {field.name}"] = by_length.first()
    longest |= {"first": rows.order_by("pk").first(), "last": rows.order_by("pk").last()}
    by_pk = {}
    for what, row in longest.items():
        if row is not None:
            by_pk.setdefault(row.pk, what)
    return {what: pk for pk, what in by_pk.items()}


def patterns(resolver=None, namespaces=()):
    """Yield the full name of each URL with a name, and its view."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLPattern):
            if pattern.name:
                yield ":".join([*namespaces, pattern.name]), pattern.callback
        else:
            yield from patterns(pattern, [*namespaces, pattern.namespace] if pattern.namespace else namespaces)


def addresses():
    """Yield what a page shows and its URL: of lists with searches, of rows for the longest ones."""
    models = {each.opts.model_name: each.model for each in admins()}
    for turn, name in enumerate(sorted({name for name, _view in patterns() if APP in name})):
        last = name.rpartition(":")[2]
        if not last.endswith(("_add", "_delete", "_history")):  # Django's own, which show no row of ours
            searched = SEARCHED if "STOCKHUB_DRILL" in os.environ else SEARCHED[turn % 4 :: 4]
            yield from _addresses_of(name, last, models, searched)
    yield "index", reverse("admin:index")
    yield "app", reverse("admin:app_list", args=[APP])


def _addresses_of(name, last, models, searched):
    with suppress(NoReverseMatch):
        address = reverse(name)
        queries = [""]
        if last.endswith(("_changelist", "_find")):
            queries += [f"?q={text}" for text in searched]
        if last.endswith("_changelist"):
            queries.append("?p=2")
        if last.endswith("_export"):
            queries += [f"?topic={topic}&first=2024-01-01&last=2024-12-31" for topic in topics.ALL]
        yield from ((name + query, address + query) for query in queries)
        return
    model = models.get(last.removeprefix(f"{APP}_").split("_")[0].split("-")[0])
    for what, pk in longest_rows(model).items() if model else ():
        for arguments in ({"args": [pk]}, {"kwargs": {"pk": pk}}):
            with suppress(NoReverseMatch):
                yield f"{name} {what}", reverse(name, **arguments)
                break


def commands():
    """Return the names of our commands that need nothing from outside."""
    return sorted(name for name, app in get_commands().items() if app == APP and name not in ELSEWHERE)


def run(name):
    """Run a command; return its output."""
    out = io.StringIO()
    with suppress(SystemExit, CommandError), redirect_stdout(out):
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
    for name, address in addresses():
        yield name, partial(get, http, address)
    for topic in topics.ALL:
        yield f"export {topic}", partial(download, http, topic)
    for number in NUMBERS:
        yield f"tag {number}", partial(tag, number)
        yield f"box {number}", partial(box, number)
    for name in commands():
        yield name, partial(run, name)
