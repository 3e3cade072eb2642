"""Requests that are broken at random."""

from __future__ import annotations

import base64
import copy
import json
import random
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from stockhub_webhooks.contract import topics
from tests.conftest import KEY, PREFIX
from tests.samples import contract

FOUND = Path(__file__).resolve().parent.parent.parent / "samples" / "found"

NUMBERS = [
    *("0", "-0", "1", "-1", "0.1", "1e5", "1E-5", "1e999999", "-1e999999", "1e-999999", "1e99999999999999999999"),
    *("2147483647", "2147483648", "-2147483649", "9223372036854775808", "99999999999.9999", "99999999999.99995"),
    *(
        "0.00005",
        "123456789012345.6789",
        "1" + "0" * 400,
        "9" * 5000,
        "NaN",
        "Infinity",
        "-Infinity",
        "01",
        "+1",
        "0x1",
    ),
]
TEXTS = [
    *(
        "",
        " ",
        "\x00",
        "\x00\x00",
        "\ud800",
        "\udfff\ud800",
        "\ufffe",
        "\u202e",
        "\u2028",
        "😀",
        "é",
        "e\u0301",
        "İ",
        "ß",
    ),
    *(
        "null",
        "true",
        "NaN",
        "0",
        "-1",
        "1e5",
        "0x10",
        "１２",
        "٣",
        "1_000",
        " 1 ",
        "1,5",
        "€ 1",
        "Infinity",
        "sNaN",
        "-0",
    ),
    *(
        "<script>alert(1)</script>",
        "{{ 7*7 }}",
        "{% now %}",
        "%s%n%(detail)s",
        "%",
        "'; DROP TABLE x; --",
        "../../x",
        "\\",
    ),
    *(
        "2024-02-30 00:00:00",
        "0000-00-00 00:00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "2024-01-01",
    ),
    *(
        "2024-02-20T15:28:51Z",
        "2024-02-20T24:00:00Z",
        "2024-W01-1",
        "2024-02-20 15:28:60",
        "24:00",
        "99999-01-01",
        "2024",
    ),
    *("DELIVERED", "delivered", "UNKNOWN", "complete", "x" * 64, "x" * 65, "x" * 255, "x" * 256, "é" * 255, "x" * 5000),
    *("https://x", "javascript:alert(1)", "http://[::1", "000000701", "000000701\n", " 000000701"),
]
HEADERS = [
    *("CONTENT_TYPE", "HTTP_ACCEPT", "HTTP_X_VERSION", "HTTP_USER_AGENT", "HTTP_DATE", "HTTP_X_REQUEST_ID"),
    *(
        "HTTP_CONTENT_ENCODING",
        "HTTP_TRANSFER_ENCODING",
        "HTTP_EXPECT",
        "HTTP_ACCEPT_LANGUAGE",
        "HTTP_COOKIE",
        "HTTP_RANGE",
    ),
    *("HTTP_X_FORWARDED_FOR", "REMOTE_ADDR", "CONTENT_LENGTH", "HTTP_HOST", "QUERY_STRING", "HTTP_ACCEPT_ENCODING"),
    *("HTTP_X_API_KEY", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_AUTHORIZATION", "HTTP_X_REQUESTED_WITH"),
]
VALUES = [
    *(
        "",
        " ",
        "\x00",
        "x" * 9000,
        "é",
        "\xe2\x82\xac",
        "application/json",
        "text/html",
        "multipart/form-data",
        "*/*",
        "gzip",
    ),
    *(
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
        "chunked",
    ),
    *(
        "0",
        "-1",
        "5",
        "99999999999999999999",
        "1e3",
        "²",
        "V1",
        "nl",
        "100-continue",
        "bytes=0-1",
        "evil.example",
        "a=b&c=d",
    ),
    *("<script>alert(1)</script>", "a\nb", "127.0.0.1", "::1", "a" * 300 + ", 1.2.3.4", KEY, f"{KEY},{KEY}", KEY + "x"),
]
METHODS = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "X"]


@dataclass
class Shot:
    """A request, as a WSGI server would pass it on."""

    topic: str
    body: bytes = field(repr=False)
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, client):
        """Return the answer."""
        headers = {"CONTENT_TYPE": "application/json", "HTTP_X_API_KEY": KEY} | self.headers
        kind = headers.pop("CONTENT_TYPE")
        # a stream as a server's: Django's own of the tests objects to lengths that are not true
        headers["wsgi.input"] = BytesIO(self.body)
        return client.generic(self.method, PREFIX + self.topic, self.body, kind, **headers)

    def save(self, name):
        """Save the request as a sample, which each run of the tests sends again."""
        text = base64.b64encode(self.body).decode()
        record = {"topic": self.topic, "method": self.method, "headers": self.headers, "body": text}
        FOUND.mkdir(exist_ok=True)
        path = FOUND / f"{name}.json"
        path.write_text(json.dumps(record, indent=2) + "\n")
        return path


def load(path):
    """Return a saved sample."""
    record = json.loads(path.read_text())
    return Shot(record["topic"], base64.b64decode(record["body"]), record["method"], record["headers"])


def shots(seed):
    """Yield endless requests, the same ones for the same seed."""
    dice = random.Random(seed)
    while True:
        yield shot(dice)


def shot(dice):
    """Return a broken request; in three of four, only the body is broken."""
    topic = dice.choice(topics.ALL)
    made = Shot(topic, body(dice, contract(topic)))
    for _ in range(dice.choice([0, 0, 0, 1, 2])):
        made.headers[dice.choice(HEADERS)] = dice.choice(VALUES)
    if dice.random() < 0.1:
        made.topic = dice.choice((*topics.ALL, "", "any", topic + "/"))
    if dice.random() < 0.02:
        made.method = dice.choice(METHODS)
    return made


def body(dice, document):
    """Return the document with a few faults; the result may not be JSON."""
    if dice.random() < 0.05:
        return bytes(dice.randrange(256) for _ in range(dice.randrange(200)))
    # a dozen orders, so that messages meet
    for name in ("increment_id", "order_increment_id"):
        if name in document and dice.random() < 0.8:
            document[name] = f"{dice.randrange(12):09d}"
    marks = {}
    for _ in range(dice.choice([0, 1, 1, 2, 3, 8])):
        change(dice, document, marks)
    text = json.dumps(document, ensure_ascii=dice.random() < 0.9)
    for mark, number in marks.items():
        text = text.replace(f'"{mark}"', number)
    raw = text.encode("utf-8", "surrogatepass")
    return scramble(dice, raw) if dice.random() < 0.15 else raw


def places(value):
    """Return each (container, name) in a document."""
    found = []
    names = value.keys() if isinstance(value, dict) else range(len(value))
    for name in names:
        found.append((value, name))
        if isinstance(value[name], (dict, list)):
            found += places(value[name])
    return found


def change(dice, document, marks):
    """Change one field of the document at random."""
    inside, name = dice.choice(places(document) or [(document, "x")])
    way = dice.randrange(7)
    if way == 0 and isinstance(inside, dict):
        inside.pop(name, None)
    elif way == 1:  # a number as it is written, which Python could not hold
        mark = f"number {len(marks)}"
        marks[mark] = dice.choice(NUMBERS)
        inside[name] = mark
    elif way == 2:
        inside[name] = dice.choice([None, True, False, [], {}, [[]], [None], {"": None}, [{}], 0, 1.5])
    elif way == 3:  # something of another place
        other, its_name = dice.choice(places(document) or [(document, "x")])
        inside[name] = copy.deepcopy(other.get(its_name) if isinstance(other, dict) else other[its_name])
    elif way == 4 and isinstance(inside, dict):
        topic = dice.choice(topics.ALL)
        inside[dice.choice([*contract(topic), *TEXTS])] = dice.choice(list(contract(topic).values()))
    elif way == 5 and isinstance(inside.get(name) if isinstance(inside, dict) else inside[name], list):
        inside[name] = inside[name] * dice.choice([0, 2, 3, 50])
    else:
        inside[name] = dice.choice(TEXTS)


def scramble(dice, raw):
    """Cut, repeat, reverse or insert bytes."""
    for _ in range(dice.choice([1, 1, 2, 5])):
        at, to = sorted((dice.randrange(len(raw) + 1), dice.randrange(len(raw) + 1)))
        raw = dice.choice(
            [
                raw[:at],
                raw[:at] + raw[to:],
                raw[:at] + raw[at:to] * 2 + raw[to:],
                raw[:at] + bytes([dice.randrange(256)]) + raw[at + 1 :],
                raw[:at]
                + dice.choice([b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"[", b"}", b'"', b"\\", b"//"])
                + raw[at:],
            ]
        )
    return raw
