"""The page: who sees it, and in what form."""

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics

from stockhub_webhooks.contrib.metrics import tables
from stockhub_webhooks.receiving.authentication import may_scrape
from tests.conftest import KEY, TEST_KEY
from tests.contrib.metrics.conftest import ADDRESS, SETTINGS, TOKEN, numbers

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("counting")]

BEARER = {"authorization": f"Bearer {TOKEN}"}


def test_the_token_opens_it(client, post):
    post("order")
    answer = client.get(ADDRESS, headers=BEARER)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")
    assert answer["Cache-Control"] == "private, no-store"
    found = numbers(answer.text)
    assert found["database_up",] == 1
    assert found["received_messages_total", "webhook", "order"] == 1


@pytest.mark.parametrize("address", [ADDRESS, f"{ADDRESS}/"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_slash_more_and_small_letters_are_welcome(client, address, scheme):
    assert client.get(address, headers={"authorization": f"{scheme} {TOKEN}"}).status_code == 200
    assert client.head(address, headers={"authorization": f"{scheme} {TOKEN}"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": TOKEN},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": f"Bearer {KEY}"},
        {"authorization": "Bearer \xe9\xff"},
        {"x-api-key": KEY},
        {"x-api-key": TOKEN},
    ],
)
def test_nothing_else_does(client, headers):
    answer = client.get(ADDRESS, headers=headers)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert "stockhub_webhooks_" not in answer.text


def test_the_token_posts_nothing(post):
    assert post("order", key=TOKEN).status_code == 401
    assert post("order", key=None, headers=BEARER).status_code == 401


def test_who_works_here_sees_it_and_a_customer_does_not(staff, django_user_model):
    assert staff.get(ADDRESS).status_code == 200
    assert staff.get(ADDRESS, headers={"authorization": "Basic c3RhZ2luZw=="}).status_code == 200
    assert staff.get(ADDRESS, headers={"authorization": "Bearer wrong"}).status_code == 401
    customer = Client()
    customer.force_login(django_user_model.objects.create_user("customer", password="secret"))
    assert customer.get(ADDRESS).status_code == 401
    clerk = Client()
    clerk.force_login(django_user_model.objects.create_user("clerk", is_staff=True))
    assert clerk.get(ADDRESS).status_code == 401


@pytest.mark.parametrize("token", ["", "  "])
def test_a_blank_token_opens_nothing(client, settings, token):
    settings.STOCKHUB_WEBHOOKS = SETTINGS | {"METRICS_TOKEN": token}
    for given in ("Bearer", "Bearer ", "Bearer   "):
        assert client.get(ADDRESS, headers={"authorization": given}).status_code == 401


def test_a_token_may_hold_any_character(settings):
    settings.STOCKHUB_WEBHOOKS = SETTINGS | {"METRICS_TOKEN": "één lang geheim €"}
    as_wsgi_has_it = "één lang geheim €".encode().decode("latin-1")
    assert may_scrape(f"Bearer {as_wsgi_has_it}")
    assert not may_scrape("Bearer een lang geheim")


def test_it_is_only_read(client):
    assert client.post(ADDRESS, headers=BEARER).status_code == 405


def test_a_shop_that_does_not_ask_has_no_page(client, settings):
    settings.STOCKHUB_WEBHOOKS = SETTINGS | {"METRICS": False}
    answer = client.get(ADDRESS, headers=BEARER)
    assert answer.status_code == 404
    assert "METRICS" in answer.text
    assert client.get(ADDRESS).status_code == 401


def test_open_metrics_are_given_where_they_are_asked_for(client, post):
    post("order")
    answer = client.get(ADDRESS, headers={**BEARER, "accept": "application/openmetrics-text;version=1.0.0,*/*;q=0.1"})
    assert answer["Content-Type"].startswith("application/openmetrics-text")
    assert "stockhub_webhooks_received_messages" in {family.name for family in open_metrics(answer.text)}


def test_an_unreachable_database_is_reported_with_200(client, monkeypatch):
    def away():
        raise OperationalError

    monkeypatch.setattr("stockhub_webhooks.operations.health.collect._messages", away)
    answer = client.get(ADDRESS, headers=BEARER)
    assert answer.status_code == 200
    assert numbers(answer.text)["database_up",] == 0


def test_a_scrape_asks_the_database_for_nothing_but_the_report(client):
    with CaptureQueriesContext(connection) as report:
        tables.Tables().collect()
    with CaptureQueriesContext(connection) as page:
        client.get(ADDRESS, headers=BEARER)
    assert len(page) == len(report)


def test_what_came_in_as_a_test_is_seen_in_the_answers_alone(client, post):
    post("order", key=TEST_KEY)
    found = numbers(client.get(ADDRESS, headers=BEARER).text)
    assert found["answer_seconds_count", "200"] == 1
    assert not [key for key in found if key[0] in ("received_messages_total", "last_message_timestamp_seconds")]


def test_a_token_that_is_no_longer_the_setting_opens_nothing(settings):
    assert may_scrape("Bearer " + settings.STOCKHUB_WEBHOOKS["METRICS_TOKEN"])
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"METRICS_TOKEN": "another-token-0123456789abcdef"}
    assert may_scrape("Bearer another-token-0123456789abcdef")
    assert not may_scrape("Bearer " + TOKEN)
