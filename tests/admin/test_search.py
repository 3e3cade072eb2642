"""What is typed into a search box becomes a few words."""

import pytest

from stockhub_webhooks.admin import search


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", []),
        ("  000000701  L ", ["000000701", "L"]),
        ('"two words" one', ["two words", "one"]),
        ("it's", ["it's"]),
        ('"', ['"']),
        ("1 2 3 4 5", ["1", "2", "3", "4", "5"]),
        ("1 2 3 4 5 6 7", ["1", "2", "3", "4", "5 6 7"]),
    ],
)
def test_words(typed, words):
    assert search.words(typed) == words
