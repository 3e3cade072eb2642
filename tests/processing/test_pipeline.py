"""The way of a message, whole, for every topic."""

import pytest

from tests.samples import ALPHABETICAL

pytestmark = pytest.mark.django_db


def test_the_examples_in_alphabetical_order_fill_an_empty_host_and_again_change_nothing(post):
    for topic in ALPHABETICAL:
        answer = post(topic)
        assert answer.status_code == 200, answer.content
        assert answer.json()["outcome"] == "created"
    for topic in ALPHABETICAL:
        assert post(topic).json()["outcome"] == "unchanged"
