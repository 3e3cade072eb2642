"""Readable text from the body of a message. No body makes these functions raise.

JSON is indented token by token instead of being parsed and written again, so that numbers keep their digits, and
repeated names and the order of fields stay.
"""

from __future__ import annotations

import json
import re

from django.views.decorators.debug import sensitive_variables

LIMIT = 1024 * 1024
DEPTH_LIMIT = 40
GROWTH_LIMIT = 4
INDENT = "  "
SPACED = {":": ": "}

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
# control characters to their visible symbols: NUL becomes ␀
CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"} | {0x7F: 0x2421}


@sensitive_variables()
def pretty(body: bytes) -> str:
    """Return the body for display: indented if it is JSON, and cut off after `LIMIT` bytes."""
    return editable(body) if len(body) <= LIMIT else editable(body[:LIMIT]) + "\n…"


@sensitive_variables()
def editable(body: bytes) -> str:
    """Return the whole body for an editor: indented if it is JSON."""
    text = body.decode("utf-8-sig", "replace")
    return (indented(text) if is_json(text) else text).translate(CONTROLS)


def is_json(text: str) -> bool:
    """Return True if the text can be parsed as JSON."""
    try:
        json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return False
    return True


def indented(text: str) -> str:
    """Return JSON with one value a line; the text unchanged if indentation would make it too long."""
    parts: list[str] = []
    depth, size, budget = 0, 0, GROWTH_LIMIT * len(text) + 65536
    former = ""
    for token in TOKEN.findall(text):
        closing = token in ("}", "]")
        depth -= closing
        if (former in ("{", "[") and not closing) or former == "," or (closing and former not in ("{", "[")):
            parts.append("\n" + INDENT * min(depth, DEPTH_LIMIT))
            size += len(parts[-1])
        parts.append(SPACED.get(token, "") or readable(token))
        size += len(token)
        if size > budget:
            return text
        depth += token in ("{", "[")
        former = token
    return "".join(parts)


def readable(token: str) -> str:
    r"""Return a string token with é for \u00e9 and / for \/; unchanged if it has characters that cannot be printed."""
    if "\\" not in token or not token.startswith('"'):
        return token
    text = json.loads(token, strict=False)
    if not text.isprintable():
        return token
    return json.dumps(text, ensure_ascii=False)
