"""Measure bodies that are made to hurt beside an ordinary one of their size: `python benchmarks/bodies.py [NAME ...]`.

Each body is posted to the receiving view with the inline runner, on SQLite, in processes of its own. One measures the
CPU seconds of the whole request, and of reading the body alone for comparison; another one the peak of the memory that
Python allocated (tracemalloc) and of the process (resource). Memory is printed as a multiple of MAX_BODY_BYTES, time as
a multiple of an ordinary order of that size. The exit code is 1 if a body exceeds MAX_MEMORY or MAX_TIME.
"""

import argparse
import gzip
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MIB = 1024 * 1024
LENGTH = MIB - 64  # bytes; MAX_BODY_BYTES is 1 MiB by default
MAX_MEMORY, MAX_TIME = 60, 10
HEAD = b'{"increment_id":"000000901","updated_at":"2024-02-20 15:28:51",'
ORDER = ROOT / "tests" / "samples" / "contract" / "order.json"


def filled(unit, head=b"", tail=b"", length=0):
    """Return as many units between head and tail as a body may have."""
    return head + unit * (((length or LENGTH) - len(head) - len(tail)) // len(unit)) + tail


def joined(parts, head=b"", tail=b"", length=0):
    """Return different parts between head and tail, as many as a body may have."""
    taken, size = [], len(head) + len(tail)
    for part in parts:
        size += len(part)
        if size > (length or LENGTH):
            break
        taken.append(part)
    return head + b"".join(taken) + tail


def numbers():
    """Yield the whole numbers as bytes."""
    number = 0
    while True:
        yield b"%d" % number
        number += 1


def ordinary(length=0):
    """Return an order with as many lines of goods as fit."""
    order = json.loads(ORDER.read_text())
    line = order["items"][0]
    start = json.dumps(order | {"items": []}).replace('"items": []', '"items": [').encode()
    head, tail = start[: start.index(b'"items": [') + 10], start[start.index(b'"items": [') + 10 :]
    lines = (json.dumps(line | {"sku": f"sku-{number.decode()}"}).encode() + b"," for number in numbers())
    return joined(lines, head, json.dumps(line).encode() + b"]" + tail, length)


def documents(separator, head=b"", tail=b"", number=None):
    """Return many small documents in one body."""
    order = json.loads(ORDER.read_text())
    each = (
        json.dumps(order | {"increment_id": count.decode(), "items": order["items"][:1]}).encode() + separator
        for count in numbers()
    )
    return joined((next(each) for _ in range(number or LENGTH)), head, tail)


def nested_strings(levels):
    """Return an order as JSON in a JSON string, several times."""
    text, length = "", LENGTH // 2
    while True:
        text = ordinary(length).decode()
        for _ in range(levels):
            text = json.dumps(text)
        if len(text) <= LENGTH:
            return text.encode()
        length = length * 9 // 10


def deep(opening, inner, closing, depth=900):
    """Return as many nested values as fit side by side."""
    unit = opening * depth + inner + closing * depth + b","
    return filled(unit, HEAD + b'"x":[', b"1]}")


def many_members():
    """Return gzip members without content, and an order after them."""
    empty = gzip.compress(b"")
    return filled(empty, b"", gzip.compress(ordinary(LENGTH // 100)))


def stored_blocks():
    """Return a deflated body of empty stored blocks."""
    return b"\x78\x01" + filled(b"\x00\x00\x00\xff\xff", b"", b"") + zlib.compress(b"{}")[2:]


BODIES = {
    "ordinary": ordinary,
    "ordinary, a sixteenth": lambda: ordinary(LENGTH // 16),
    # compressed
    "gzip, 1 MiB unpacked": lambda: gzip.compress(ordinary()),
    "gzip, 64 MiB of zeros": lambda: gzip.compress(bytes(64 * MIB), 1),
    "gzip, empty members": many_members,
    "gzip, over the limit": lambda: gzip.compress(ordinary(4 * LENGTH)),
    "gzip, 1 MiB of {},": lambda: gzip.compress(filled(b"{},", b"[", b"{}]")),
    "gzip, 1 MiB that is no JSON": lambda: gzip.compress(b"{" + bytes(LENGTH - 2)),
    "deflate, empty blocks": stored_blocks,
    # deep
    "[[[[": lambda: filled(b"["),
    '{"a":{"a":': lambda: filled(b'{"a":'),
    "[[[]]], 900 deep": lambda: deep(b"[", b"", b"]"),
    '{"":{"":1}}, 900 deep': lambda: deep(b'{"":', b"1", b"}", 450),
    "[[[]]], 900 deep, half of the body": lambda: joined(
        [b"[" * 900 + b"]" * 900 + b","] * 300, HEAD + b'"y":"' + b"x" * (LENGTH // 2) + b'","x":[', b"1]}"
    ),
    "[[[]]], half of one of two documents": lambda: (
        b"["
        + joined(
            [b"[" * 900 + b"]" * 900 + b","] * 300, HEAD + b'"y":"' + b"x" * (LENGTH // 2 - 9) + b'","x":[', b"1]},{}]"
        )
    ),
    "[[[]]], 100,000 deep": lambda: HEAD + b'"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    '"[\\"[...": brackets in strings': lambda: filled(b'"[[[[[[[[",', b"[", b"1]"),
    # wide
    "[{},{},...]": lambda: filled(b"{},", b"[", b"{}]"),
    '{"x":[{},{},...]}': lambda: filled(b"{},", HEAD + b'"x":[', b"{}]}"),
    '{"items":[{},{},...]}': lambda: filled(b"{},", HEAD + b'"items":[', b"{}]}"),
    '{"items":[{"sku":""},...]}': lambda: filled(b'{"sku":"a"},', HEAD + b'"items":[', b"{}]}"),
    '{"items":[{"a":1,...},...]}': lambda: filled(b'{"a":1,"b":1},', HEAD + b'"items":[', b"{}]}"),
    '{"items":[{unknown fields}]}': lambda: joined(
        (b'{"a%s":1},' % number for number in numbers()), HEAD + b'"items":[', b"{}]}"
    ),
    '{"items":[{many unknown fields}]}': lambda: joined(
        (b'"a%s":1,' % number for number in numbers()), HEAD + b'"items":[{', b'"b":1}]}'
    ),
    '{"items":[{fields that cannot be read}]}': lambda: filled(
        b'{"sku":[],"qty_ordered":[],"size":[],"mpn":[],"parent_sku":[],"manufacturer":[]},',
        HEAD + b'"items":[',
        b"{}]}",
    ),
    '{"items":[{"Sku":1},...]}': lambda: filled(b'{"Sku":1},', HEAD + b'"items":[', b"{}]}"),
    '{"shipping_address":{unknown fields}}': lambda: joined(
        (b'"a%s":{},' % number for number in numbers()), HEAD + b'"shipping_address":{', b'"b":1}}'
    ),
    '{"items":{"1":{},...}}': lambda: joined(
        (b'"%s":{},' % number for number in numbers()), HEAD + b'"items":{', b'"x":{}}}'
    ),
    '{"items":[0,0,...]}': lambda: filled(b"0,", HEAD + b'"items":[', b"0]}"),
    "[[],[],...]": lambda: filled(b"[],", HEAD + b'"x":[', b"1]}"),
    "[[0],[0],...]": lambda: filled(b"[0],", HEAD + b'"x":[', b"1]}"),
    "[0,0,...]": lambda: filled(b"0,", HEAD + b'"x":[', b"1]}"),
    "[1.5,1.5,...]": lambda: filled(b"1.5,", HEAD + b'"x":[', b"1]}"),
    "[NaN,NaN,...]": lambda: filled(b"NaN,", HEAD + b'"x":[', b"1]}"),
    '{"a":{},"b":{},...}': lambda: joined((b'"%s":{},' % number for number in numbers()), HEAD, b'"x":{}}'),
    '{"a":1,"b":1,...}': lambda: joined((b'"%s":1,' % number for number in numbers()), HEAD, b'"x":1}'),
    '{"aB":1,"bB":1,...}': lambda: joined((b'"a%sB":1,' % number for number in numbers()), HEAD, b'"x":1}'),
    '{"x":{},"x":{},...}': lambda: filled(b'"x":{},', HEAD, b'"y":1}'),
    '[{"a":1,"a":1},...]': lambda: filled(b'{"":1,"":1},', HEAD + b'"x":[', b"1]}"),
    '[{"":0},...]': lambda: filled(b'{"":0},', HEAD + b'"x":[', b"1]}"),
    '["é","é",...]': lambda: filled('"é",'.encode(), HEAD + b'"x":[', b"1]}"),
    '{"track":["1","1",...]}': lambda: filled(b'"1",', HEAD + b'"track":[', b'"1"]}'),
    '{"street":["","",...]}': lambda: filled(b'"a",', HEAD + b'"billing_address":{"street":[', b'"1"]}}'),
    # long numbers
    "an integer": lambda: filled(b"9", HEAD + b'"grand_total":', b"}"),
    "a decimal": lambda: filled(b"9", HEAD + b'"grand_total":0.', b"}"),
    "integers of 4300 digits": lambda: filled(b"9" * 4300 + b",", HEAD + b'"x":[', b"1]}"),
    "integers of 4301 digits": lambda: filled(b"9" * 4301 + b",", HEAD + b'"x":[', b"1]}"),
    "a quantity": lambda: filled(b"9", HEAD + b'"items":[{"sku":"a","qty_ordered":', b"}]}"),
    "a quantity in a string": lambda: filled(b"9", HEAD + b'"items":[{"sku":"a","qty_ordered":"', b'"}]}'),
    "a quantity with commas": lambda: filled(b"999,", HEAD + b'"items":[{"sku":"a","qty_ordered":"', b'999.0"}]}'),
    "a time of digits": lambda: filled(b"9", HEAD.replace(b"2024-02-20 15:28:51", b"0") + b'"created_at":"', b'"}'),
    # escapes and charsets
    "\\u0000": lambda: filled(rb"\u0000", HEAD + b'"status":"', b'"}'),
    "\\ud83d\\ude00": lambda: filled(rb"\ud83d\ude00", HEAD + b'"status":"', b'"}'),
    '\\"': lambda: filled(rb"\"", HEAD + b'"status":"', b'"}'),
    "an escape in each of many strings": lambda: filled(rb'"\n",', HEAD + b'"x":[', b"1]}"),
    "one emoji in ASCII": lambda: filled(b"x", HEAD + b'"status":"' + "😀".encode(), b'"}'),
    "UTF-16": lambda: ordinary(LENGTH // 2).decode().encode("utf-16"),
    "UTF-16 of {},": lambda: filled(b"{},", b"[", b"{}]", LENGTH // 2 - 10).decode().encode("utf-16"),
    "UTF-16 of emoji": lambda: filled("😀".encode(), HEAD + b'"status":"', b'"}', LENGTH).decode().encode("utf-16"),
    "one byte of windows-1252 and an emoji": lambda: filled(b"x", HEAD + b'"status":"\xe9' + "😀".encode(), b'"}'),
    "windows-1252": lambda: ordinary().replace(b"sku-", b"sk\xe9-"),
    "white space": lambda: filled(b" ", HEAD, b'"status":"a"}'),
    "lines": lambda: filled(b"\n", b"", b"x"),
    # wrappings
    "JSON in JSON": lambda: nested_strings(1),
    "JSON in JSON in JSON": lambda: nested_strings(3),
    "JSON in JSON: [{},...]": lambda: json.dumps(filled(b"{},", b"[", b"{}]").decode()).encode(),
    "an envelope of envelopes": lambda: b'{"a":' * 300 + ordinary(LENGTH - 2000) + b"}" * 300,
    "envelopes side by side": lambda: joined((b'"%s":{"a":{"a":{}}},' % n for n in numbers()), b"{", b'"x":1}'),
    "envelopes as JSON strings": lambda: joined((b'"%s":"[[]]",' % n for n in numbers()), b"{", b'"x":1}'),
    "a form": lambda: b"payload=" + ordinary(),
    "a form of &": lambda: filled(b"a=1&", b"", b"a={}"),
    "a form of %": lambda: filled(b"%7B", b"payload=%7B", b""),
    # many documents
    "documents in a list": lambda: documents(b",", b"[", b"{}]", number=1000),
    "documents in lines": lambda: documents(b"\n"),
    "documents in lines, small": lambda: joined(
        (b'{"increment_id":"%s","qty":1}\n' % number for number in numbers()), b"", b""
    ),
    "{}{}{}": lambda: filled(b"{}"),
    "1 1 1": lambda: filled(b"1 ", b"[]"),
    "lists that look like the list of documents": lambda: (
        b"{"
        + b",".join(b'"x%d":%s' % (n, documents(b",", b"[", b"0]", number=LENGTH // 26_000)) for n in range(21))
        + b',"orders":'
        + documents(b",", b"[", b'{"increment_id":"1"}]', number=LENGTH // 26_000)
        + b"}"
    ),
}


# ---------------------------------------------------------------- one body, in a process of its own


def set_up(database):
    """Import Django and the package of this checkout."""
    sys.path.insert(0, str(ROOT))
    os.environ["DATABASE_URL"] = f"sqlite:///{database}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.host.settings"
    import django

    django.setup()


def request_of(body, encoding="identity"):
    """Return a request as a server hands it over; the body is not copied."""
    from django.conf import settings
    from django.test import RequestFactory

    key = settings.STOCKHUB_WEBHOOKS["API_KEYS"]
    request = RequestFactory().post("/api/v1/stockhub/order", b"", "application/json", headers={"x-api-key": key})
    request.META |= {"CONTENT_LENGTH": str(len(body)), "HTTP_CONTENT_ENCODING": encoding}
    request._stream = BytesIO(body)
    return request


def measure(file, what, encoding):
    """Post the body in a file; print the status, and the seconds or the memory in bytes."""
    set_up(file.with_name("copy.sqlite3"))
    from stockhub_webhooks.views import ReceiveView

    view = ReceiveView.as_view(topic="order")
    view(request_of(ORDER.read_bytes())).close()  # imports and caches
    body = file.read_bytes()
    request = request_of(body, encoding)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if what == "memory":
        tracemalloc.start()
    began = time.process_time()
    response = view(request)
    response.close()
    result = {"status": response.status_code, "size": len(body), "post": time.process_time() - began}
    if what == "memory":
        result["traced"] = tracemalloc.get_traced_memory()[1]
    else:
        result["resident"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - grown) * 1024
        result["read"] = seconds_to_read(body, encoding)
    print(json.dumps(result))


def seconds_to_read(body, encoding):
    """Return the CPU seconds that it takes to read a body, or to find it unreadable."""
    from stockhub_webhooks import serializers
    from stockhub_webhooks.exceptions import Unreadable

    began = time.process_time()
    with suppress(Unreadable):
        serializers.read(body, "order", {"content-encoding": encoding})
    return time.process_time() - began


# ---------------------------------------------------------------- the table


def run(*arguments):
    """Run this file in a new process; return what it prints."""
    command = [sys.executable, __file__, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise SystemExit(f"{arguments}: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout else None


def measured(folder, name, what):
    """Measure a body on a new copy of the migrated database, in a process that did not make it."""
    if what == "seconds":
        run("--make", folder / "body", name)
    shutil.copy(folder / "migrated.sqlite3", folder / "copy.sqlite3")
    encoding = name.partition(",")[0] if name.startswith(("gzip", "deflate")) else "identity"
    return run("--measure", what, "--encoding", encoding, folder / "body")


def table(names):
    """Print a row for each body; return the names of those that exceed a limit."""
    exceeding = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        set_up(folder / "migrated.sqlite3")
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        plain = min((measured(folder, "ordinary", "seconds") for _ in range(2)), key=lambda each: each["post"])
        print(f"CPU time of an ordinary order of 1 MiB: {plain['post']:.3f} s, of reading it: {plain['read']:.3f} s")
        print(f"{'body':<44}{'bytes':>9}{'answer':>8}{'traced':>9}{'resident':>10}{'post':>9}{'read':>9}")
        for name in names:
            seconds, memory = measured(folder, name, "seconds"), measured(folder, name, "memory")
            sizes = memory["traced"] / MIB, seconds["resident"] / MIB
            times = seconds["post"] / plain["post"], seconds["read"] / plain["read"]
            is_wrong = max(sizes) >= MAX_MEMORY or times[0] >= MAX_TIME
            exceeding += [name] * is_wrong
            numbers = f"{sizes[0]:>8.1f}x{sizes[1]:>9.1f}x{times[0]:>8.2f}x{times[1]:>8.2f}x"
            print(f"{name:<44}{seconds['size']:>9}{seconds['status']:>8}{numbers}{'  TOO MUCH' * is_wrong}", flush=True)
    return exceeding


def main():
    """Print the table of the named bodies, or of all."""
    parser = argparse.ArgumentParser(description="measure memory and time of bodies that are made to hurt")
    parser.add_argument("names", nargs="*", metavar="NAME", help="; ".join(BODIES).replace("%", "%%"))
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", choices=["seconds", "memory"], help=argparse.SUPPRESS)
    parser.add_argument("--encoding", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(Path(options.names[0]), options.measure, options.encoding)
        return
    if unknown := set(options.names) - set(BODIES):
        parser.error(f"there is no body {', '.join(sorted(unknown))}")
    if options.make:
        options.make.write_bytes(BODIES[options.names[0]]())
        return
    if exceeding := table(options.names or BODIES):
        raise SystemExit(f"over {MAX_MEMORY} x memory or {MAX_TIME} x time: {', '.join(exceeding)}")


if __name__ == "__main__":
    main()
