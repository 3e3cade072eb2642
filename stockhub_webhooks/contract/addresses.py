"""Recognise the topic that an address means, if it is nearly one of ours."""

from __future__ import annotations

import re

from stockhub_webhooks.contract import topics

KEY_HEADER = "x-api-key"
ACCOUNT_HEADER = "x-stockhub-account"  # of the answer of `health` to the test key: the server knows the key
SEPARATORS = re.compile(r"[\s_-]+")
ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}$")
BY_NAME = {SEPARATORS.sub("", topic): topic for topic in topics.ALL}


def topic_of(path: str) -> str:
    """Return the topic that the last part of a path names; "" if it names none.

    Case, hyphens, underscores, blanks, an ending such as `.json` and a plural s do not count.

    Args:
        path: the part of the address below our prefix, without percent-encoding.
    """
    parts = [part for part in (part.strip() for part in path.split("/")) if part]
    if not parts:
        return ""
    name = SEPARATORS.sub("", ENDING.sub("", parts[-1])).lower()
    return BY_NAME.get(name) or BY_NAME.get(name.removesuffix("s"), "")
