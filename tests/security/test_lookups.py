"""No parameter of an address tells what a page does not show: filters, sorting and search, for each column."""

import re

import pytest
from django.apps import apps
from django.db import connections, models
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Message, Order
from stockhub_webhooks.models.personal import IMPERSONAL, TEXTS, is_personal, personal_columns
from tests.admin.test_permissions import ALL_BUT_PERSONS
from tests.security.pages import APP, NAMES, addresses, admins

pytestmark = pytest.mark.django_db(databases="__all__")

LOOKUPS = ("", "__startswith", "__regex", "__icontains", "__gt", "__isnull")
MARKS = re.compile(r'csrfmiddlewaretoken" value="\w+"|csrf_?token\W+\w+|\d\d:\d\d:\d\d')  # differ at each request
TIMES = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?")
MODELS = list(apps.get_app_config(APP).get_models())


def paths(model, depth=1, before=""):
    """Yield the path of each column of a model and of the models that it is related to."""
    for field in model._meta.get_fields():
        path = f"{before}{field.name}"
        yield path
        if depth and field.is_relation and field.related_model is not None:
            yield from paths(field.related_model, depth - 1, f"{path}__")


def of_ours(queries):
    """Return the statements that read our tables, without the time of each."""
    return {TIMES.sub("", each["sql"]) for each in queries if "stockhub_webhooks_" in each["sql"]}


def text_of(answer):
    """Return the text of an answer, also if it is sent in parts."""
    return b"".join(answer.streaming_content).decode() if answer.streaming else answer.text


@pytest.mark.parametrize("page", admins(), ids=lambda page: page.opts.model_name)
def test_no_filter_in_an_address_reads_a_column(filled, clerk, page, rf, django_user_model):
    http = clerk(*ALL_BUT_PERSONS)
    request = rf.get("/")
    request.user = django_user_model.objects.get(username="clerk")
    offered = set(page._parameters_of_filters(request)) | set(page.linked_parameters)
    assert not [name for name in offered if is_personal(page.model, name)]
    asked = {f"{path}{lookup}" for path in paths(page.model) for lookup in LOOKUPS} - offered
    assert not [name for name in asked if page.lookup_allowed(name, "[", request)]
    url = reverse(f"admin:{APP}_{page.opts.model_name}_changelist")
    with CaptureQueriesContext(connections[database_alias()]) as queries:
        assert http.get(url).status_code == 200
    own = of_ours(queries)  # such as the counts on its tabs, which no parameter changes
    for name in sorted({f"{field.name}__regex" for field in page.model._meta.get_fields()} | {"pk__in"}):
        with CaptureQueriesContext(connections[database_alias()]) as queries:
            assert http.get(url, {name: "["}).status_code == 400, name
        assert not of_ours(queries) - own, name


def test_every_page_of_our_own_ignores_filters(filled, clerk):
    http = clerk(*ALL_BUT_PERSONS)
    own = [name for name in NAMES if not name.endswith(("_changelist", "_add", "_delete", "_history"))]
    for name in own:
        for address in addresses(name)[:1]:
            plain = http.get(address)
            asked = http.get(address, {"body__startswith": "x", "shipping_address__last_name__regex": "["})
            assert asked.status_code == plain.status_code, name
            assert MARKS.sub("", text_of(asked)) == MARKS.sub("", text_of(plain)), name
    assert len(own) > 15


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_table_of_columns_without_personal_data_is_up_to_date(model):
    texts = {field.name for field in model._meta.concrete_fields if isinstance(field, TEXTS)}
    assert IMPERSONAL[model.__name__] <= texts


def test_new_column_of_text_is_personal():
    class Later(models.Model):  # noqa: DJ008 - has no rows
        remark = models.TextField()
        order = models.ForeignKey(Order, models.CASCADE)

        class Meta:
            app_label = "later"

    assert personal_columns(Later) == {"remark"}
    assert is_personal(Later, "order__shipping_address__city__startswith")
    assert not is_personal(Later, "order__po_number__startswith")
    assert is_personal(Message, "body__regex")
