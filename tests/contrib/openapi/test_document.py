"""The description of the receiving endpoints: whole, valid, and made in two ways."""

import json
import os
import subprocess
import sys
from io import StringIO

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.urls import path
from drf_spectacular.drainage import GENERATOR_STATS, reset_generator_stats
from drf_spectacular.validation import validate_schema

from stockhub_webhooks import serializers
from stockhub_webhooks.contract import topics
from stockhub_webhooks.contrib.openapi import add_receiving_endpoints, document
from tests.conftest import PREFIX
from tests.samples import contract

EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)


def operation(described, topic):
    return described["paths"][PREFIX + topic]["post"]


def body_of(described, topic):
    return described["components"]["schemas"][
        operation(described, topic)["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    ]


def test_it_is_valid_and_nothing_was_guessed():
    reset_generator_stats()
    described = document("https://shop.example")
    validate_schema(described)
    assert not GENERATOR_STATS
    assert described["servers"] == [{"url": "https://shop.example"}]


def test_every_address_is_in_it():
    assert set(document()["paths"]) == {PREFIX + topic for topic in (*topics.ALL, "")}


@EACH_TOPIC
def test_every_answer_is_in_it(topic):
    answers = operation(document(), topic)["responses"]
    assert set(answers) == {"200", "202", "401", "405", "406", "413", "503"}
    for status, answer in answers.items():
        ((kind, content),) = answer["content"].items()
        assert kind == ("application/json" if status.startswith("2") else "application/problem+json")
        assert content["examples"]


@EACH_TOPIC
def test_the_key_and_the_version_are_headers(topic):
    described = document()
    assert operation(described, topic)["security"] == [{"StockHubKey": []}]
    assert described["components"]["securitySchemes"]["StockHubKey"]["name"] == "x-api-key"
    assert [(each["name"], each["in"]) for each in operation(described, topic)["parameters"]] == [
        ("x-version", "header")
    ]


def test_an_open_door_is_reported(settings):
    settings.STOCKHUB_WEBHOOKS = {"REQUIRE_API_KEY": False}
    assert operation(document(), topics.ORDER)["security"] == [{"StockHubKey": []}, {}]


@EACH_TOPIC
def test_every_field_of_the_contract_is_in_it(topic):
    assert set(contract(topic)) <= set(body_of(document(), topic)["properties"])


@EACH_TOPIC
def test_only_what_the_reader_needs_is_required(topic):
    described = document()
    numbers = {"increment_id", *(["order_increment_id"] if topic in serializers.NEEDS_ORDER else [])}
    if topic == topics.PAYMENT_REQUEST:
        assert [each["required"] for each in body_of(described, topic)["anyOf"]] == [
            ["purchase_order_increment_id"],
            ["order_increment_id"],
        ]
    else:
        assert set(body_of(described, topic)["required"]) == numbers
    assert operation(described, topic)["requestBody"]["required"]


@EACH_TOPIC
def test_its_examples_are_accepted_by_the_real_door(topic, post, db, last_message):
    examples = operation(document(), topic)["requestBody"]["content"]["application/json"]["examples"]
    (example,) = examples.values()
    assert post(topic, example["value"]).json()["outcome"] == "created"
    assert (last_message().topic, last_message().notes) == (topic, [])


def test_the_shared_address_has_an_example_of_each_topic(post, db):
    examples = operation(document(), "")["requestBody"]["content"]["application/json"]["examples"]
    assert len(examples) == len(topics.ALL)
    for example in examples.values():
        assert post("any", example["value"]).status_code == 200


@pytest.mark.parametrize(("options", "read"), [([], yaml.safe_load), (["--format", "json"], json.loads)])
def test_the_command_prints_it(options, read):
    out = StringIO()
    call_command("stockhub_openapi", "--server", "https://shop.example/", *options, stdout=out)
    assert read(out.getvalue()) == document("https://shop.example")


@override_settings(ROOT_URLCONF=(path("elsewhere/", lambda request: None),))
def test_the_command_says_what_to_do_where_the_addresses_are_not_there():
    with pytest.raises(CommandError, match="include"):
        call_command("stockhub_openapi")


def test_the_command_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "drf_spectacular.renderers", None)
    with pytest.raises(CommandError, match=r"django-stockhub-webhooks\[openapi\]"):
        call_command("stockhub_openapi")


@override_settings(ROOT_URLCONF=(path("elsewhere/", lambda request: None),))
def test_the_hook_warns_where_the_addresses_are_not_there(capsys):
    reset_generator_stats()
    assert add_receiving_endpoints({"paths": {}}) == {"paths": {}}
    assert GENERATOR_STATS
    reset_generator_stats()


def test_a_host_has_it_in_its_own_schema_without_a_warning(tmp_path):
    """In a process of its own: DRF reads its settings when the views are imported."""
    file = tmp_path / "schema.yaml"
    command = ["-m", "django", "spectacular", "--fail-on-warn", "--validate", "--file", str(file)]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.host.described", "DATABASE_URL": "sqlite://:memory:"}
    done = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    described = yaml.safe_load(file.read_text())
    alone = document()
    assert described["info"]["title"] == "The host's own"
    assert {path: described["paths"][path] for path in alone["paths"]} == alone["paths"]
    for kind, components in alone["components"].items():
        assert components.items() <= described["components"][kind].items()
