"""Unusual methods, hosts, paths and headers: few different answers, no redirect and no page."""

import json
from itertools import product

import pytest
from django.test import Client

from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Message
from tests.conftest import KEY, PREFIX
from tests.samples import contract

pytestmark = pytest.mark.django_db

PATHS = [*topics.ALL, ""]
METHODS = [
    "GET",
    "HEAD",
    "OPTIONS",
    "PUT",
    "PATCH",
    "DELETE",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "post",
    "Post",
    "POST ",
    "",
    "X" * 9999,
]


@pytest.mark.parametrize("method", METHODS)
def test_other_methods_than_post_answer_405_without_details(client, method):
    for path in PATHS:
        answer = client.generic(method, PREFIX + path, json.dumps(contract("order")), headers={"x-api-key": KEY})
        if method.strip().upper() != "POST":
            assert answer.status_code == 405
            assert answer["allow"] == "POST"
            assert KEY not in str(answer.headers)
            assert not Message.objects.exists()
        assert answer.status_code in (200, 405)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", ""])
def test_health_accepts_only_get_and_head(client, method):
    assert client.generic(method, PREFIX + "health").status_code == 405


def test_health_answers_head():
    answer = Client().head(PREFIX + "health", headers={"x-api-key": KEY})
    assert answer.status_code == 200
    assert not answer.content


@pytest.mark.parametrize("override", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_no_header_overrides_the_method(client, override):
    assert client.get(PREFIX + "order", headers={override: "POST", "x-api-key": KEY}).status_code == 405
    assert client.get(PREFIX + "order?_method=POST", headers={"x-api-key": KEY}).status_code == 405


@pytest.mark.parametrize(
    "extra",
    [
        {"HTTP_HOST": "evil.example"},
        {"HTTP_X_FORWARDED_HOST": "evil.example"},
        {"HTTP_X_FORWARDED_PROTO": "javascript"},
        {"HTTP_ORIGIN": "https://evil.example"},
        {"HTTP_REFERER": "https://evil.example"},
        {"HTTP_X_ORIGINAL_URL": "/admin/"},
        {"HTTP_X_REWRITE_URL": "/admin/"},
    ],
)
def test_no_answer_reflects_the_host_or_redirects(post, extra):
    for path, key in product(PATHS, (KEY, "wrong")):
        answer = post(path or "any", contract(path or "order"), key=key, **extra)
        assert answer.status_code in (200, 401)
        assert "location" not in answer
        assert "evil" not in answer.text
        assert "evil" not in str(answer.headers)
        assert "access-control-allow-origin" not in answer


@pytest.mark.parametrize(
    "path",
    [
        "order%00",
        "order/..;/",
        "order//",
        "../admin/",
        "order/x",
        "Order",
        "ORDER",
        "order.json",
        "%2e%2e/",
        "order;a=b",
    ],
)
def test_other_path_below_the_prefix_accepts_messages_with_a_key_else_404(client, path):
    def post(**headers):
        return client.post(
            PREFIX + path, contract("order"), content_type="application/json", headers=headers
        ).status_code

    assert client.get(PREFIX + path, headers={"x-api-key": KEY}).status_code == 404
    assert post() == 401
    assert not Message.objects.exists()
    assert post(**{"x-api-key": KEY}) == 200
    assert Message.objects.get().topic == "order"


@pytest.mark.parametrize("path", ["order%0a", "order/%0a", "health%0a", "%0a"])
def test_path_with_a_line_break_is_not_ours(client, path):
    answer = client.post(PREFIX + path, contract("order"), content_type="application/json", headers={"x-api-key": KEY})
    assert answer.status_code in (404, 405)
    assert not Message.objects.exists()
