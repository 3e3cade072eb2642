"""Readable bodies in other wrappings, and bodies that stay unreadable."""

import gzip
import json
import zlib
from decimal import Decimal
from urllib.parse import quote, quote_plus

import pytest

from stockhub_webhooks.contract import topics
from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.serializers import read
from stockhub_webhooks.serializers.body import MAX_DOCUMENTS, MAX_LISTS_BEFORE, parse
from tests.samples import contract

EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)


def plain(topic="order"):
    return json.dumps(contract(topic), ensure_ascii=False)


def raw_deflate(body):
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


def gzip_header(body):
    return {"content-encoding": "gzip"}


WRAPPINGS = {
    "gzip": (lambda text: gzip.compress(text.encode()), {"content-encoding": "gzip"}),
    "gzip without the header": (lambda text: gzip.compress(text.encode()), {}),
    "gzip in two members": (
        lambda text: gzip.compress(text.encode()[:50]) + gzip.compress(text.encode()[50:]),
        {"content-encoding": "x-gzip"},
    ),
    "the header of gzip without gzip": (lambda text: text.encode(), {"content-encoding": "gzip"}),
    "deflate": (lambda text: zlib.compress(text.encode()), {"content-encoding": "deflate"}),
    "deflate without its header": (lambda text: raw_deflate(text.encode()), {"content-encoding": "deflate"}),
    "windows-1252, not declared": (lambda text: text.encode("cp1252"), {}),
    "windows-1252, declared as UTF-8": (
        lambda text: text.encode("cp1252"),
        {"content-type": "application/json; charset=utf-8"},
    ),
    "ISO-8859-15": (lambda text: text.encode("iso8859-15"), {"content-type": "application/json; charset=ISO-8859-15"}),
    "UTF-16": (lambda text: text.encode("utf-16"), {}),
    "UTF-16 without its mark": (lambda text: text.encode("utf-16-be"), {}),
    "UTF-32": (lambda text: text.encode("utf-32"), {}),
    "a byte order mark": (lambda text: b"\xef\xbb\xbf" + text.encode(), {}),
    "two byte order marks": (lambda text: 2 * b"\xef\xbb\xbf" + text.encode(), {}),
    "zero bytes at the end": (lambda text: text.encode() + b"\0\0", {}),
    "a semicolon at the end": (lambda text: text.encode() + b";\n", {}),
    "white space around": (lambda text: b"\r\n\t " + text.encode() + b"\n\n", {}),
    "a list of one": (lambda text: f"[{text}]".encode(), {}),
    "a string": (lambda text: json.dumps(text).encode(), {}),
    "a string in a string": (lambda text: json.dumps(json.dumps(text)).encode(), {}),
    "an envelope": (lambda text: f'{{"data": {text}}}'.encode(), {}),
    "an envelope with other fields": (lambda text: f'{{"event": "x", "id": 7, "payload": {text}}}'.encode(), {}),
    "two envelopes": (lambda text: f'{{"body": {{"order": {text}}}}}'.encode(), {}),
    "an envelope with a list of one": (lambda text: f'{{"tags": [1], "orders": [{text}]}}'.encode(), {}),
    "an envelope with a string": (lambda text: json.dumps({"message": text}).encode(), {}),
    "a form": (lambda text: f"payload={quote_plus(text)}&sent=1".encode(), {}),
    "gzip of UTF-16": (lambda text: gzip.compress(text.encode("utf-16")), {"content-encoding": "gzip"}),
    "gzip of a form": (lambda text: gzip.compress(b"payload=" + quote_plus(text).encode()), {}),
    "gzip with zero bytes after it": (lambda text: gzip.compress(text.encode()) + b"\0\0\n", {}),
    "deflate, not declared": (lambda text: zlib.compress(text.encode(), 9), {}),
    "deflate, declared as gzip": (lambda text: zlib.compress(text.encode()), {"content-encoding": "gzip"}),
    "windows-1252, declared as ASCII": (
        lambda text: text.encode("cp1252"),
        {"content-type": "application/json; charset=us-ascii"},
    ),
    "two byte order marks of UTF-16": (lambda text: ("\ufeff\ufeff" + text).encode("utf-16-le"), {}),
    "a byte order mark at the end": (lambda text: text.encode() + b"\xef\xbb\xbf", {}),
    "other white space around": (lambda text: f"\x0b\x0c{text}\u00a0\n".encode(), {}),
    "the end of file of DOS": (lambda text: text.encode() + b"\x1a", {}),
    "a list of a list": (lambda text: f"[[{text}]]".encode(), {}),
    "a list of a string": (lambda text: json.dumps([text]).encode(), {}),
    "a list of envelopes": (lambda text: f'[{{"data": {text}}}]'.encode(), {}),
    "an envelope with envelopes of strings": (lambda text: json.dumps({"Records": [{"body": text}]}).encode(), {}),
    "an envelope with a string in a string": (lambda text: json.dumps({"payload": json.dumps(text)}).encode(), {}),
    "a form of two": (lambda text: f"event=x&data={quote(text)}".encode(), {}),
    "a form with a string": (lambda text: f"payload={quote_plus(json.dumps(text))}".encode(), {}),
    "a form without a name": (
        lambda text: f"{quote_plus(text)}=".encode(),
        {"content-type": "application/x-www-form-urlencoded"},
    ),
    "a form without escapes": (lambda text: f'payload={text[:-1]}, "x": "a=b&c=d"}}&sent=1'.encode(), {}),
    "a form of parts": (
        lambda text: f'--b\r\nContent-Disposition: form-data; name="p"\r\n\r\n{text}\r\n--b--\r\n'.encode(),
        {"content-type": "multipart/form-data; boundary=b"},
    ),
    "a declared form": (
        lambda text: f"json={quote_plus(text)}".encode(),
        {"content-type": "application/x-www-form-urlencoded"},
    ),
}


@EACH_TOPIC
@pytest.mark.parametrize("name", WRAPPINGS)
def test_a_wrapped_body_says_what_the_plain_one_says(topic, name):
    wrap, headers = WRAPPINGS[name]
    expected = read(plain(topic).replace("Assen", "Ässen").encode(), topic)
    wrapped = read(wrap(plain(topic).replace("Assen", "Ässen")), topic, headers)
    assert wrapped.digest == expected.digest
    assert wrapped.updated_at == expected.updated_at


@pytest.mark.parametrize("character", ["\n", "\t", "\x01", "\r\n"])
def test_raw_control_characters_in_a_string_are_read(character):
    body = plain().replace('"status": "complete"', f'"status": "complete", "note": "a{character}b"').encode()
    assert read(body, "order").increment_id == contract("order")["increment_id"]


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_a_value_that_is_no_number_is_left_out_alone(constant):
    body = json.dumps(contract("order") | {"grand_total": 1}).replace('"grand_total": 1', f'"grand_total": {constant}')
    message = read(body.encode(), "order")
    assert "grand_total" not in message.fields
    assert "subtotal" in message.fields
    assert ("grand_total", "not_a_number") in [(note.path, note.code) for note in message.notes]


def test_the_last_of_two_equal_names_counts_and_is_noted():
    message = read(b'{"increment_id": "1", "status": "new", "status": "complete", "items": []}', "order")
    assert message.fields["status"] == "complete"
    assert "repeated_name" in [note.code for note in message.notes]


@pytest.mark.parametrize(
    "template",
    [
        "[{0}, {1}]",
        "{0}\n{1}\n",
        "{0}{1}",
        "{0},{1}",
        '{{"n": [1, 2], "orders": [{0}, {1}]}}',
        '[{{"data": {{"orders": [{0}, {1}]}}}}]',
        "\x1e{0}\n\x1e{1}",
    ],
)
def test_several_documents_are_found_with_their_own_texts(template):
    texts = ['{"increment_id": "1", "grand_total": 1.10}', '{"increment_id": "2", "grand_total": 2.20}']
    documents, _ = parse(template.format(*texts).encode())
    assert [document.data["increment_id"] for document in documents] == ["1", "2"]
    assert [document.text for document in documents] == texts
    assert documents[0].data["grand_total"] == Decimal("1.10")


def test_document_whose_text_is_not_found_is_written_anew_with_its_digits():
    lists = ", ".join(f'"n{number}": [1]' for number in range(MAX_LISTS_BEFORE))
    text = '{"increment_id": "1", "grand_total": 1.10, "a": [NaN, true, "\\u00e9"], "qty": 12345678901234567890}'
    documents, _ = parse(f'{{{lists}, "orders": [{text}, {text}]}}'.encode())
    assert [document.text for document in documents] == [text, text]


def test_document_with_nan_keeps_its_text():
    texts = ['{"increment_id":"1","grand_total":NaN}', '{"increment_id":"2","grand_total":NaN}']
    documents, _ = parse(f"[{texts[0]},{texts[1]}]".encode())
    assert [document.text for document in documents] == texts


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   \n",
        b"\xef\xbb\xbf",
        b"[]",
        b"7",
        b'"text"',
        b"null",
        b"<xml/>",
        b"[1, 2]",
        b'{"increment_id": "1"} and more',
        b'{"increment_id": "1"',
        '{"increment_id": "1", "status": "é'.encode()[:-1],
        gzip.compress(plain().encode(), mtime=0)[:-20],  # the same in each process of pytest-xdist
        b"\x1f\x8bnot gzip",
        b"[" * 100_000,
        b"a=b&c=d",
        b"[" + b",".join([b"{}"] * (MAX_DOCUMENTS + 1)) + b"]",
    ],
)
def test_anything_else_is_unreadable(body):
    with pytest.raises(Unreadable) as error:
        parse(body)
    assert len(str(error.value)) < 200


def test_a_compressed_body_over_the_limit_is_unreadable(settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"MAX_BODY_BYTES": 1000}
    with pytest.raises(Unreadable):
        parse(gzip.compress(plain().encode() + b" " * 10_000))
