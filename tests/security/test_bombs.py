"""Hostile bodies: they are answered and stored unchanged, at a cost proportional to their length."""

import gzip
import json
import tracemalloc
from decimal import Decimal

import pytest
from django.test import RequestFactory, override_settings

from benchmarks import bodies
from stockhub_webhooks import serializers
from stockhub_webhooks.contract import topics
from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.models import Message, RefusedBody
from stockhub_webhooks.serializers.body import NUMBERS
from stockhub_webhooks.serializers.tolerant import LINE_LIMIT, NOTE_LIMIT
from stockhub_webhooks.views import ReceiveView
from tests.conftest import KEY, PREFIX
from tests.samples import contract

EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)
LENGTH = 1024 * 1024 - 16  # some are lengthened a little

HEAD = b'{"increment_id":"1","order_increment_id":"2","purchase_order_increment_id":"3",'


def filled(unit, head=b"", tail=b""):
    """Return head, as many units as fit into a body, and tail."""
    return head + unit * ((LENGTH - len(head) - len(tail)) // len(unit)) + tail


HEADS = {
    topics.ORDER: b'{"increment_id":"1",',
    topics.PAYMENT_REQUEST: b'{"purchase_order_increment_id":"3",',
}
CHILD_HEAD = b'{"increment_id":"1","order_increment_id":"2",'


def of_topic(body, topic):
    """Return the body with the numbers that identify a document of the topic."""
    return body.replace(HEAD, HEADS.get(topic, CHILD_HEAD))


NINES = filled(b"9", HEAD + b'"grand_total":', b"}")
# each with whether anything can be read in it
BOMBS = {
    "lists in lists": (filled(b"["), False),
    "objects in objects": (filled(b'{"a":'), False),
    "closed lists in lists": (b"[" * 100_000 + b"]" * 100_000, False),
    "a deep value beside the identifiers": (HEAD + b'"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", False),
    "a number of a million digits": (NINES, True),
    "a text of a million digits": (NINES.replace(b":9", b':"9').replace(b"9}", b'9"}'), True),
    "a million decimals": (filled(b"9", HEAD + b'"grand_total":0.', b"}"), True),
    "a quantity of a million digits": (filled(b"9", HEAD + b'"items":[{"sku":"a","qty":', b"}]}"), True),
    "many numbers at Python's limit": (filled(b"9" * 4300 + b",", HEAD + b'"x":[', b"1]}"), True),
    "many numbers over Python's limit": (filled(b"9" * 4301 + b",", HEAD + b'"x":[', b"1]}"), True),
    "a number of a million digits as the identifier": (filled(b"9", b'{"increment_id":', b"}"), False),
    "a million spaces": (filled(b" "), False),
    "a million lines": (filled(b"\n", b"", b"x"), False),
    "a string that never ends": (filled(rb"\"", b'{"a":"'), False),
    "escapes alone": (filled(rb"\u0000", HEAD + b'"po_number":"', b'"}'), True),
    "surrogates alone": (filled(rb"\ud800", HEAD + b'"po_number":"', b'"}'), True),
    "one name a hundred thousand times": (filled(b'"x":1,', HEAD, b'"y":1}'), True),
    "a hundred thousand names": (HEAD + b",".join(b'"%d":1' % n for n in range(100_000)) + b"}", True),
    "a name of a million characters": (filled(b"x", HEAD + b'"', b'":1}'), True),
    "a status of a million characters": (filled(b"x", HEAD + b'"status":"', b'"}'), True),
    "a time of a million digits": (filled(b"1", HEAD + b'"updated_at":"', b'"}'), True),
    "a time with a million decimals": (filled(b"1", HEAD + b'"updated_at":"2024-01-01T00:00:00.', b'"}'), True),
    "a time of spaces": (filled(b" ", HEAD + b'"updated_at":"', b'"}'), True),
    "a tracking address of a million characters": (
        filled(b"x", HEAD + b'"track":{"tracking_number":"1","tracking_url":"https://', b'"}}'),
        True,
    ),
    "empty lines of goods": (filled(b"{},", HEAD + b'"items":[', b"{}]}"), True),
    "lines of goods that are none": (filled(b"0,", HEAD + b'"items":[', b"0]}"), True),
    "equal lines of goods": (filled(b'{"sku":"a"},', HEAD + b'"items":[', b"{}]}"), True),
    "lines of goods with unknown fields": (filled(b'{"a":1,"b":1},', HEAD + b'"items":[', b"{}]}"), True),
    "a compressed body": (gzip.compress(bytes(10 * LENGTH)), False),
    "a compressed body of objects": (gzip.compress(filled(b'{"a":', b"[")), False),
    "a list of many documents": (b"[" + HEAD + b'"a":1}' + b"," + b"{}," * 200_000 + b"{}]", False),
    "lists of one in lists of one": (b"[" * 900 + HEAD + b'"a":1}' + b"]" * 900, False),
    "UTF-16": (HEAD.decode().encode("utf-16"), False),
    "UTF-32": (HEAD.decode().encode("utf-32"), False),
    "UTF-7": (b"+AHsAIgBhACIAOgAxAH0-", False),
    "an overlong slash": (b'{"x":"\xc0\xaf"}', False),
}


def read(body, topic):
    """Return the parsed body, None if it is unreadable."""
    try:
        return serializers.read(body, topic)
    except Unreadable as why:
        assert len(str(why)) < 300
        return None


@EACH_TOPIC
def test_oversized_structures_are_parsed_or_refused_with_a_short_reason(topic):
    for name, (body, readable) in BOMBS.items():
        reading = read(of_topic(body, topic), topic)
        assert (reading is not None) == readable, name
        if reading:
            assert len(reading.notes) <= NOTE_LIMIT, name
            assert all(len(note.path) + len(note.detail) < 300 for note in reading.notes), name
            assert len(reading.lines or ()) <= LINE_LIMIT, name
            assert len(reading.digest) == 32


@pytest.mark.django_db(databases="__all__")
@pytest.mark.parametrize("name", BOMBS)
def test_oversized_structures_are_answered_and_stored_unchanged(post, staff, name, page_url):
    body, readable = BOMBS[name]
    body = of_topic(body, "order")
    answer = post("order", body)
    if name == "a compressed body":  # too large when unpacked
        assert (answer.status_code, bytes(RefusedBody.objects.get().body)) == (413, body)
        return
    message = Message.objects.get()
    assert answer.status_code == (200 if readable else 406), answer.content
    assert bytes(message.body) == body
    assert len(message.error) < 300
    assert staff.get(page_url(message)).status_code == 200


@pytest.mark.django_db(databases="__all__")
@pytest.mark.parametrize("name", bodies.BODIES)
def test_memory_is_bounded_whatever_the_body_holds(name, monkeypatch, settings):
    """`python benchmarks/bodies.py` measures the same bodies in their full length, and their time."""
    limit = 256 * 1024
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"MAX_BODY_BYTES": limit}
    monkeypatch.setattr(bodies, "LENGTH", limit - 64)
    body = bodies.BODIES[name]()
    encoding = name.partition(",")[0] if name.startswith(("gzip", "deflate")) else "identity"
    view = ReceiveView.as_view(topic="order")
    view(bodies.request_of(bodies.ORDER.read_bytes())).close()  # fills the caches
    request = bodies.request_of(body, encoding)
    tracemalloc.start()
    try:
        response = view(request)
        response.close()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < bodies.MAX_MEMORY * limit
    assert response.status_code in {200, 406, 413}
    if response.status_code != 413:
        assert bytes(Message.objects.filter(parent=None).latest("pk").body) == body


def test_a_body_of_brackets_is_not_parsed(monkeypatch):
    monkeypatch.setattr(json.JSONDecoder, "raw_decode", None)
    for body in (b"[" * 500_000 + b"]" * 500_000, filled(b'{"":' * 450 + b"{}" + b"}" * 450 + b",", HEAD + b'"x":[')):
        with pytest.raises(Unreadable, match="too many objects and lists"):
            serializers.read(body, "order")


@pytest.mark.parametrize("charset", ["punycode", "idna", "unicode-escape", "raw_unicode_escape", "utf-7", "rot13"])
def test_a_codec_that_is_no_charset_is_not_used(charset):
    body = json.dumps(contract("order") | {"po_number": "\xe9"}, ensure_ascii=False).encode("windows-1252")
    reading = serializers.read(body, "order", {"content-type": f"application/json; charset={charset}"})
    assert ("", "charset", "windows-1252") in reading.notes


def test_a_list_with_names_of_any_length_is_read_in_its_order():
    items = {"9" * 5000: {"sku": "c"}, "10": {"sku": "b"}, "0009": {"sku": "a"}}
    reading = serializers.read(json.dumps(contract("order") | {"items": items}).encode(), "order")
    assert [line["sku"] for line in reading.lines] == ["a", "b", "c"]


@EACH_TOPIC
def test_notes_on_more_names_than_an_object_has_are_counted(topic):
    body = contract(topic) | {f"name {number}": 1 for number in range(3000)}
    reading = serializers.read(json.dumps(body).encode(), topic)
    assert ("", "more_notes", str(3000 - NOTE_LIMIT + 1)) in reading.notes


@pytest.mark.parametrize(
    "number",
    ["1e999999", "-1e999999", "1e-999999", "1e99999999999999999999", "1e-99999999999999999999", "1" + "0" * 5000],
)
@pytest.mark.parametrize("quoted", [False, True])
def test_number_out_of_range_is_noted_and_left_out(number, quoted):
    text = f'"{number}"' if quoted else number
    for topic in topics.ALL:
        whole = contract(topic)
        line = ",".join(f'"{name}":{text}' for name in whole["items"][0])
        document = ",".join(f'"{name}":{text}' for name in whole if name not in {"items", "pay_by_link", *NUMBERS})
        reading = read(of_topic(HEAD, topic) + f'{document},"items":[{{{line}}}]}}'.encode(), topic)
        assert all(len(str(value)) < 300 for value in reading.fields.values()), topic
        values = [value for line in reading.lines or () for value in line.values()]
        assert all(value == 0 for value in values if isinstance(value, (int, Decimal))), topic
        assert "Infinity" not in values


def nested(depth):
    """Return a value of this depth."""
    return json.loads("[" * depth + "]" * depth)


@EACH_TOPIC
def test_nesting_to_the_depth_of_the_parser_is_handled_in_every_field(topic):
    for name in contract(topic):
        reading = read(json.dumps(contract(topic) | {name: nested(500)}).encode(), topic)
        assert reading is None or reading.digest


@pytest.mark.django_db
@EACH_TOPIC
def test_lines_over_the_limit_are_left_out_with_a_note(post, topic):
    items = [{"sku": str(number)} for number in range(LINE_LIMIT + 5)]
    body = contract(topic) | {"items": items}
    reading = read(json.dumps(body).encode(), topic)
    assert len(reading.lines) == LINE_LIMIT
    assert reading.lines_left_out  # so that none that we have is deleted
    assert ("items", "too_many_lines", str(LINE_LIMIT)) in reading.notes
    body["items"] = items[:LINE_LIMIT]
    reading = read(json.dumps(body).encode(), topic)
    assert not reading.lines_left_out
    assert "too_many_lines" not in {note.code for note in reading.notes}


@pytest.mark.django_db
def test_cost_of_lines_is_linear(django_assert_max_num_queries, post):
    """Twice as many lines take about twice as many statements."""

    def statements(count):
        def body(quantity):
            items = [{"sku": "a", "qty_ordered": quantity} for _ in range(count)]
            return {"increment_id": str(count), "updated_at": f"2024-01-01 00:00:0{quantity}", "items": items}

        post("order", body(1))
        with django_assert_max_num_queries(1000) as captured:
            assert post("order", body(2)).json()["outcome"] == "updated"
        return len(captured)

    few, many = statements(400), statements(800)
    assert many < few * 2.5


@EACH_TOPIC
def test_document_is_identified_without_parsing_its_lines(topic):
    body = json.dumps(contract(topic)).encode()
    whole, identified = serializers.read(body, topic), serializers.identify(body, topic)
    assert (identified.topic, identified.increment_id) == (whole.topic, whole.increment_id)
    assert whole.lines
    assert identified.lines is None


@pytest.mark.django_db
def test_refused_body_is_only_identified(post, monkeypatch):
    def read_all(*args):
        raise AssertionError("nobody vouched for this")

    monkeypatch.setattr(serializers, "read", read_all)
    for topic in topics.ALL:
        assert post(topic, key="wrong").status_code == 401
    assert set(RefusedBody.objects.values_list("topic", flat=True)) == set(topics.ALL)


# ---------------------------------------------------------------- headers that lie about the body


@pytest.mark.django_db
@EACH_TOPIC
@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "identity"])
def test_compressed_body_is_parsed_and_stored_unchanged(post, topic, coding):
    body = gzip.compress(json.dumps(contract(topic)).encode())
    assert post(topic, body, headers={"content-encoding": coding}).status_code == 200
    message = Message.objects.get()
    assert bytes(message.body) == body
    assert message.headers["content-encoding"] == coding


@pytest.mark.django_db
@EACH_TOPIC
@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "MAX_BODY_BYTES": 1000})
def test_body_declared_over_the_limit_answers_413(topic):
    request = RequestFactory().post(PREFIX + topic, b"{}", "application/json", headers={"x-api-key": KEY})
    request.META["CONTENT_LENGTH"] = "999999999999"
    assert ReceiveView.as_view(topic=topic)(request).status_code == 413
    assert not Message.objects.exists()


class Endless:
    """Endless body that counts how much of it was read."""

    given = 0

    def read(self, size=65536):
        self.given += size
        assert self.given < 100 * LENGTH
        return b"x" * size


@pytest.mark.django_db
@pytest.mark.parametrize("key", [KEY, "wrong", None])
def test_endless_chunked_body_is_read_up_to_the_limit(key):
    stream = Endless()
    request = RequestFactory().post(PREFIX + "order", b"", "application/json", headers={"x-api-key": key or ""})
    request.META |= {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": stream}
    assert ReceiveView.as_view(topic="order")(request).status_code == (413 if key == KEY else 401)
    assert stream.given < 12 * LENGTH
    assert not Message.objects.exists()


class Broken:
    """Body whose sender disconnects, or sends invalid chunks."""

    def __init__(self, fault):
        self.fault = fault
        self.pieces = [b'{"increment_id": ']

    def read(self, size=65536):
        if self.pieces:
            return self.pieces.pop()
        raise self.fault


@pytest.mark.django_db
@pytest.mark.parametrize("fault", [ConnectionResetError(), TimeoutError(), ValueError("Invalid chunk size: 'zz'")])
def test_interrupted_body_is_kept_as_received(fault):
    request = RequestFactory().post(PREFIX + "order", b"", "application/json", headers={"x-api-key": KEY})
    request.META |= {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": Broken(fault)}
    assert ReceiveView.as_view(topic="order")(request).status_code == 406
    assert bytes(Message.objects.get().body) == b'{"increment_id": '
