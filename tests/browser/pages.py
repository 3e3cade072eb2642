"""Every page of ours in the admin: a line each. All of them are looked at in `test_pages.py`."""

from django.apps import apps
from django.contrib import admin
from django.urls import reverse

from stockhub_webhooks.models import Message, Order

MODELS = [model for model in apps.get_app_config("stockhub_webhooks").get_models() if admin.site.is_registered(model)]


def named(name, *args):
    """The address of a page by its URL name; `args` are called for their value, once there are rows."""
    return lambda: reverse(f"admin:{name}", args=[arg() if callable(arg) else arg for arg in args])


def list_of(model):
    """A model's list."""
    return named(f"stockhub_webhooks_{model._meta.model_name}_changelist")


def page_of(model):
    """The page of a model's newest row."""
    return named(f"stockhub_webhooks_{model._meta.model_name}_change", lambda: model.objects.latest("pk").pk)


def correct():
    """Enter a message by hand, prefilled from one that cannot be read."""
    broken = Message.objects.filter(status="quarantined").latest("pk")
    return reverse("admin:stockhub_webhooks_message_enter") + f"?correct={broken.pk}"


def in_part(path):
    """An address below the list of messages, about one that was applied in part."""
    return lambda: (
        reverse("admin:stockhub_webhooks_message_changelist")
        + path.format(pk=Message.objects.filter(is_in_part=True).latest("pk").pk)
    )


PAGES = {
    "overview": named("app_list", "stockhub_webhooks"),
    "find": lambda: reverse("admin:stockhub_webhooks_find") + "?q=0",
    "export": named("stockhub_webhooks_export"),
    "receivers": named("stockhub_webhooks_receivercall_receivers"),
    "process-again": lambda: (
        reverse("admin:stockhub_webhooks_replay_request") + f"?ids={Message.objects.latest('pk').pk}"
    ),
    "failures": named("stockhub_webhooks_failures"),
    "keys": named("stockhub_webhooks_message_keys"),
    "refused-groups": named("stockhub_webhooks_refusedbody_release"),
    "enter": named("stockhub_webhooks_message_enter"),
    "correct": correct,
    "in-part-list": in_part("?needs=in_part"),
    "in-part-page": in_part("{pk}/change/"),
    "in-part-correct": in_part("enter/?correct={pk}"),
    "figures": named("stockhub_webhooks_figures"),
    "order-person": named("stockhub_webhooks_order_person", lambda: Order.objects.get(increment_id="000000802").pk),
    "order-erase": named("stockhub_webhooks_order_erase", lambda: Order.objects.get(increment_id="000000802").pk),
    "pull-request": named("stockhub_webhooks_pull_request"),
    "order-story": named("stockhub_webhooks_order_story", lambda: Order.objects.get(increment_id="000000802").pk),
    **{f"{model._meta.model_name}-list": list_of(model) for model in MODELS},
    **{f"{model._meta.model_name}-page": page_of(model) for model in MODELS},
}
