"""The declaration of what is personal and how long it is kept is complete."""

import pytest
from django.apps import apps

from stockhub_webhooks.models import Address
from stockhub_webhooks.models.personal import (
    DEFAULT_DAYS,
    IMPERSONAL,
    KEPT,
    RETENTION,
    TEXTS,
    configured_days,
    personal_columns,
    retention_days,
)

MODELS = list(apps.get_app_config("stockhub_webhooks").get_models())


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_each_table_has_a_kind_or_is_kept_and_each_text_is_declared(model):
    rule = RETENTION[model.__name__]
    assert rule.kind in {*DEFAULT_DAYS, KEPT}
    columns = {column.name for column in model._meta.concrete_fields if isinstance(column, TEXTS)}
    masked = {name for name in personal_columns(model) if not model._meta.get_field(name).is_relation}
    assert masked <= rule.personal, "emptied when an order is erased"
    assert columns == rule.personal | IMPERSONAL[model.__name__] & columns
    assert rule.personal <= columns


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_each_path_leads_to_an_order(model):
    for path in RETENTION[model.__name__].orders:
        list(model._default_manager.none().filter(**{f"{path}__in": []}))


def test_table_of_a_model_that_is_gone_is_removed_from_the_declaration():
    assert RETENTION.keys() == {model.__name__ for model in MODELS}
    assert not Address._meta.get_field("last_name").is_relation


def test_until_the_terms_are_set_only_refused_messages_and_attempts_have_one(settings):
    assert {kind for kind, days in retention_days().items() if days is not None} == {"refused", "attempts"}
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"RETENTION_DAYS": {}}
    assert retention_days() == DEFAULT_DAYS == configured_days()
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {
        "RETENTION_DAYS": {"bodies": 7, "events": None, "refused": "soon", "addresses": True}
    }
    chosen = retention_days()
    assert (chosen["bodies"], chosen["events"]) == (7, None)
    assert (chosen["refused"], chosen["addresses"]) == (30, 730), "nonsense counts as not set"
