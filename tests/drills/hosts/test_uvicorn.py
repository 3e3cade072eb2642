"""The shop under uvicorn: whole, chunked and broken-off bodies, many clients at once, and a pool of connections."""

import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import KEY, PREFIX
from tests.processes import ROOT, execute, free_port, scratch_database, wait_for_port
from tests.samples import contract, sample
from tests.test_server import send

pytestmark = [pytest.mark.hosts, pytest.mark.server]
HEADERS = {"x-api-key": KEY, "content-type": "application/json"}
STORED = """
import django; django.setup()
from collections import Counter
from stockhub_webhooks.models import Message, Order
print(Message.objects.filter(status="applied").count(), Order.objects.count(), Message.objects.count())
"""


@pytest.fixture
def shop(transactional_db, tmp_path):
    """Return functions that serve the shop, and that run a program in it."""
    started = []
    log = tmp_path / "uvicorn.log"

    def serve(host):
        environment["HOST"] = host
        run("-m", "django", "migrate", "-v0", "--skip-checks")
        port = free_port()
        command = [sys.executable, "-m", "uvicorn", "tests.hosts.asgi:application", "--port", str(port)]
        with log.open("wb") as out:
            started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out))
        wait_for_port(started[0], port)
        return f"127.0.0.1:{port}"

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    with scratch_database(tmp_path) as url:
        variables = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.hosts.settings"}
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
        yield serve, run
        for process in started:
            process.terminate()
            process.wait(30)
    assert "Traceback" not in log.read_text()


def post_at_once(address, count):
    """Post so many orders by eight clients; return the set of answers."""
    bodies = [json.dumps(sample("order", increment_id=f"{number:09d}")).encode() for number in range(count)]
    with ThreadPoolExecutor(8) as clients:
        return {status for status, _answer in clients.map(lambda body: send(address, "order", body, HEADERS), bodies)}


def test_messages_are_read_whole_chunked_or_broken_off(shop):
    serve, run = shop
    address = serve("asgi")
    body = json.dumps(contract("order")).encode()
    assert send(address, "order", body, HEADERS)[0] == 200
    pieces = (body[at : at + 100] for at in range(0, len(body), 100))
    status, answer = send(address, "order", pieces, HEADERS, encode_chunked=True)
    assert (status, answer["outcome"]) == (200, "unchanged")
    assert send(address, "order", body, HEADERS | {"x-api-key": "wrong"})[0] == 401
    host, port = address.split(":")
    head = f"POST {PREFIX}order HTTP/1.1\r\nhost: shop\r\nx-api-key: {KEY}\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection((host, int(port))) as broken_off:
        broken_off.sendall(head.encode() + body[:200])
    assert post_at_once(address, 24) == {200}
    run("-m", "django", "stockhub_worker", "--once")
    assert run("-c", STORED).split() == ["26", "25", "26"]


@pytest.mark.postgresql
def test_a_pool_bounds_the_connections(shop):
    serve, run = shop
    address = serve("pooled")
    assert post_at_once(address, 80) == {200}
    name = run(
        "-c",
        "import django; django.setup(); from django.conf import settings as s; print(s.DATABASES['default']['NAME'])",
    )
    sql = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name.strip()}'"
    assert 1 <= execute(sql)[0][0] <= 4
    assert run("-c", STORED).split()[0] == "80"
