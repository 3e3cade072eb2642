"""All pages of this app in the admin, found through its URLs, so that new pages are covered."""

from urllib.parse import urlencode

from django.apps import apps
from django.contrib import admin
from django.urls import NoReverseMatch, get_resolver, reverse

from stockhub_webhooks.models import Message

APP = "stockhub_webhooks"


def names():
    """Return the names of all pages of this app."""
    admin_urls = next(each for each in get_resolver().url_patterns if getattr(each, "namespace", "") == "admin")
    pending = list(admin_urls.url_patterns)
    for pattern in pending:
        pending += getattr(pattern, "url_patterns", [])
        if (getattr(pattern, "name", None) or "").startswith(APP):
            yield pattern.name


NAMES = sorted(set(names()))


def admins():
    """Return the admins of the models of this app."""
    return [each for model, each in admin.site._registry.items() if model._meta.app_label == APP]


def addresses(name):
    """Return the URLs of a page: one, or one for each row."""
    try:
        return [reverse(f"admin:{name}")]
    except NoReverseMatch:
        model = apps.get_model(APP, name.split("_")[2])
        return [reverse(f"admin:{name}", args=[pk]) for pk in model._base_manager.values_list("pk", flat=True)]


def all_pages(*searched):
    """Return the URLs of all pages, and of lists with a search for each of the texts."""
    yield reverse("admin:index")
    yield reverse("admin:app_list", args=[APP])
    for name in NAMES:
        # Django's own, which show no row of ours, and files, which are for the one who asked for them
        if name.endswith(("_add", "_delete", "_history", "_download")):
            continue
        for address in addresses(name):
            yield address
            yield from (f"{address}?{parts}" for parts in questions(name, searched))


def questions(name, searched):
    """Return the parameters of a page."""
    if name.endswith(("_changelist", "_find")):
        yield from (urlencode({"q": text}) for text in searched)
    if name.endswith("_export"):
        yield "topic=order&first=2000-01-01&last=2100-01-01"
        yield from (urlencode({"topic": text, "first": text, "last": text}) for text in searched)
    if name.endswith("_enter"):
        yield from (f"correct={pk}" for pk in Message.objects.filter(status="quarantined").values_list("pk", flat=True))
        yield from (f"entered={pk}" for pk in Message.objects.values_list("pk", flat=True))
