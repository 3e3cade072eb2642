"""A body of any wrapping can be corrected on the page, and what is not touched keeps its bytes."""

import gzip
import json
import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockhub_webhooks.admin.body_edit import corrected, edited_text
from stockhub_webhooks.admin.body_text import LIMIT, read_text
from stockhub_webhooks.models import Message, Order
from tests.samples import sample
from tests.serializers.test_body import WRAPPINGS

ORDER = json.dumps(sample("order") | {"surname": "Smits-Müller €"}, ensure_ascii=False)
# broken in the same way in each wrapping: a comma is missing
BROKEN = ORDER.replace('", "', '" "', 1)
NUMBER = sample("order")["increment_id"]
# of those that wrap JSON in something else, broken JSON is no JSON of either
CHARSETS = [
    name
    for name in WRAPPINGS
    if not re.search("list|string|envelope|form|one|deflate without", name) or name == "gzip without the header"
]


def without_touching(body, headers):
    text = read_text(body, headers)
    return corrected(text, headers, text.shown)[0]


def unpacked(body):
    bits = zlib.MAX_WBITS | 32  # of either kind
    members = b""
    while body.startswith((b"\x1f\x8b", b"x")):
        unpacker = zlib.decompressobj(bits)
        members += unpacker.decompress(body)
        body = unpacker.unused_data
    return members or body


@pytest.mark.parametrize("name", CHARSETS)
def test_the_text_is_shown_in_its_charset_and_keeps_its_bytes(name):
    wrap, headers = WRAPPINGS[name]
    for source in (ORDER, BROKEN):
        body = wrap(source)
        text = read_text(body, headers)
        assert text.is_text
        assert "Smits-Müller €" in text.shown
        assert without_touching(body, headers) == unpacked(body)


@pytest.mark.django_db(databases="__all__", transaction=True)
@pytest.mark.parametrize("name", CHARSETS)
def test_what_is_corrected_is_applied_and_the_rest_keeps_its_bytes(name, post, staff, page_url, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100_000
    wrap, headers = WRAPPINGS[name]
    body = wrap(BROKEN)
    assert post("order", body, headers=headers).status_code == 406
    Message.objects.update(headers=headers)  # the client of the tests would write the body in the declared charset
    message = Message.objects.get()
    page = staff.get(page_url(message)).text
    assert "Smits-Müller €" in page
    url = re.search(r'href="([^"]*\?correct=\d+)"', page)[1]
    shown = staff.get(url).context["form"]["body"].value()
    # a browser sends each newline as two characters
    entered = shown.replace('" "', '", "', 1).replace("\n", "\r\n")
    answer = staff.post(url, {"topic": "order", "body": entered}, follow=True)
    assert ": new" in answer.text
    again = Message.objects.latest("pk")
    assert bytes(again.body) == unpacked(wrap(ORDER))
    assert again.outcome == "created"
    assert Order.objects.get().increment_id == NUMBER
    assert bytes(Message.objects.get(pk=message.pk).body) == body


NO_TEXT = {
    "gzip that is cut off": (gzip.compress(BROKEN.encode())[:-20], {"content-encoding": "gzip"}),
    "gzip that is damaged": (gzip.compress(BROKEN.encode())[:40] + b"\xff" * 300, {}),
    "binary": (bytes(range(256)) * 2, {}),
}


@pytest.mark.django_db(databases="__all__")
@pytest.mark.parametrize("name", NO_TEXT)
def test_what_is_no_text_is_offered_as_it_is_and_not_in_a_form(name, post, staff, clerk, page_url):
    body, headers = NO_TEXT[name]
    assert post("order", body, headers=headers).status_code == 406
    message = Message.objects.get()
    page = staff.get(page_url(message)).text
    assert "?correct=" not in page
    url = re.search(r'href="([^"]*/body/)"', page)[1]
    answer = staff.get(url)
    assert answer.content == body
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment;")
    form = url.replace(f"{message.pk}/body/", f"enter/?correct={message.pk}")
    assert staff.get(form).url == page_url(message)
    assert staff.post(form, {"topic": "order", "body": "{}"}).url == page_url(message)
    assert Message.objects.count() == 1
    assert clerk("view_message").get(url).status_code == 403
    assert staff.post(url).status_code == 405


@pytest.mark.django_db(databases="__all__", transaction=True)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_long_body_is_shown_in_part_and_offered_as_a_file(pack, post, staff, page_url):
    text = '{"increment_id": ' + ", ".join(f'"part {number}"' for number in range(60_000))
    body = pack(text.encode())  # gzip writes the time
    assert post("order", body).status_code == 406
    message = Message.objects.get()
    page = staff.get(page_url(message))
    assert "?correct=" not in page.text
    assert "part 1" in page.text
    assert "stockhub_ingest" in page.text
    assert len(page.content) < 300_000
    url = re.search(r'href="([^"]*/body/)"', page.text)[1]
    assert staff.get(url).content == body
    form = url.replace(f"{message.pk}/body/", f"enter/?correct={message.pk}")
    assert staff.get(form).url == page_url(message)
    assert staff.post(form, {"topic": "order", "body": "{}"}).url == page_url(message)
    assert Message.objects.count() == 1


@pytest.mark.django_db(databases="__all__", transaction=True)
def test_body_up_to_the_limit_can_be_corrected(post, staff, page_url):
    body = '{"increment_id": "1", "a": "' + "x" * (LIMIT - 28)
    post("order", body.encode())
    page = staff.get(page_url(Message.objects.get())).text
    url = re.search(r'href="([^"]*\?correct=\d+)"', page)[1]
    assert staff.get(url).context["form"]["body"].value() == body


# each with the text that is shown
TEXTS = {
    "numbers keep their digits": (b'{"a":1.50,"b":1E2}', '{\n  "a": 1.50,\n  "b": 1E2\n}'),
    "repeated names stay": (b'{"a":1,"a":2}', '{\n  "a": 1,\n  "a": 2\n}'),
    "escapes stay": (rb'{"a":"caf\u00e9 \/"}', '{\n  "a": "café /"\n}'),
    "white space stays": (b'\n{ "a" :1 }\r\n', '{\n  "a": 1\n}'),
    "a zero byte stays": (b'{"a":"\x00"', '{"a":"\u2400"'),
    "line breaks stay": (b'{"a":"\r\n\r\n"', '{"a":"\n\n"'),
    "a byte that is no character stays": (b'{"a":"\xe2\x82\xac\x81"', '{"a":"€\ufffd"'),
    "a character that is cut off stays": (b'{"a":"\xe2\x82', '{"a":"\ufffd\ufffd'),
    "a mark stays": (b'\xef\xbb\xbf{"a":1', '{"a":1'),
}


@pytest.mark.parametrize("name", TEXTS)
def test_only_what_is_touched_changes(name):
    body, shown = TEXTS[name]
    text = read_text(body)
    assert text.shown == shown
    assert without_touching(body, {}) == body
    later = edited_text(text, shown.replace('"a"', '"other"', 1))
    assert later.encode(errors="surrogateescape") == body.replace(b'"a"', b'"other"', 1)


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_untouched_bytes_stay_whatever_they_are(body):
    text = read_text(body)
    if not text.charset.startswith("utf-16") and not text.charset.startswith("utf-32"):
        assert edited_text(text, text.shown).encode(text.charset, "surrogateescape") == body


@given(st.lists(st.sampled_from(["a", "b", "\n", "{", "}", '"x"', ":", ",", "\\", "é"])).map("".join), st.data())
def test_the_changed_text_is_what_was_entered(source, data):
    """Of a text without anything that is shown differently, the result is what was entered."""
    text = read_text(source.encode())
    if text.shown == source:
        start = data.draw(st.integers(0, len(source)))
        end = data.draw(st.integers(start, len(source)))
        entered = source[:start] + data.draw(st.sampled_from(["", "z", "\n", "zz\n"])) + source[end:]
        assert edited_text(text, entered) == entered


def test_an_escape_in_a_changed_line_is_written_as_it_is_shown():
    text = read_text(rb'{"a":"caf\u00e9","b":"\u00e9"}')
    assert edited_text(text, text.shown.replace("café", "cafés")) == r'{"a":"cafés","b":"\u00e9"}'


def test_a_character_that_the_charset_lacks_makes_it_utf_8():
    body = '{"a": "é"'.encode("windows-1252")
    text = read_text(body)
    assert corrected(text, {}, text.shown + ', "b": "ł"}')[0] == '{"a": "é", "b": "ł"}'.encode()


def test_many_equal_lines_take_no_time():
    body = b"[" + b"1," * 20_000 + b"1]"
    text = read_text(body)
    lines = text.shown.split("\n")
    entered = "\n".join([lines[0], "  7,", *lines[2:-3], "  8,", *lines[-2:]])
    assert json.loads(edited_text(text, entered)) == [7, *[1] * 19_998, 8, 1]
