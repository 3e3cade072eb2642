"""Every page of ours in the admin, found by the admin's own addresses, so that a new page is covered."""

from urllib.parse import urlencode

from django.apps import apps
from django.contrib import admin
from django.urls import NoReverseMatch, get_resolver, reverse

from stockhub_webhooks.models import Message

APP = "stockhub_webhooks"


def names():
    """The names of all pages of ours."""
    admin_urls = next(each for each in get_resolver().url_patterns if getattr(each, "namespace", "") == "admin")
    pending = list(admin_urls.url_patterns)
    for pattern in pending:
        pending += getattr(pattern, "url_patterns", [])
        if (getattr(pattern, "name", None) or "").startswith(APP):
            yield pattern.name


NAMES = sorted(set(names()))


def admins():
    """The admins of our models."""
    return [each for model, each in admin.site._registry.items() if model._meta.app_label == APP]


def addresses(name):
    """Where the page of a name is: one address, or one for each row that it may be about."""
    try:
        return [reverse(f"admin:{name}")]
    except NoReverseMatch:
        model = apps.get_model(APP, name.split("_")[2])
        return [reverse(f"admin:{name}", args=[pk]) for pk in model._base_manager.values_list("pk", flat=True)]


def all_pages(*searched):
    """Every page that can be looked at, and those with a search for each of the texts."""
    yield reverse("admin:index")
    yield reverse("admin:app_list", args=[APP])
    for name in NAMES:
        if name.endswith(("_add", "_delete", "_history")):  # Django's own, which show no row of ours
            continue
        for address in addresses(name):
            yield address
            yield from (f"{address}?{parts}" for parts in questions(name, searched))


def questions(name, searched):
    """What a page may be asked."""
    if name.endswith(("_changelist", "_find")):
        yield from (urlencode({"q": text}) for text in searched)
    if name.endswith("_export"):
        yield "topic=order&first=2000-01-01&last=2100-01-01"
        yield from (urlencode({"topic": text, "first": text, "last": text}) for text in searched)
    if name.endswith("_enter"):
        yield from (f"mend={pk}" for pk in Message.objects.filter(status="quarantined").values_list("pk", flat=True))
        yield from (f"entered={pk}" for pk in Message.objects.values_list("pk", flat=True))
