"""uWSGI as the HTTP server itself: bodies that are sent whole, and chunked ones."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import KEY
from tests.processes import ROOT, scratch_database
from tests.samples import contract
from tests.test_server import send

UWSGI = Path(sys.executable).parent / "uwsgi"
SECONDS_TO_START = 30
pytestmark = [pytest.mark.hosts, pytest.mark.server]


@pytest.fixture
def serve(transactional_db, tmp_path):
    """Return a function that serves the shop with some options of uWSGI, and returns its address."""
    started = []
    log = tmp_path / "uwsgi.log"

    def serve(*options):
        address = f"127.0.0.1:{free_port()}"
        command = [UWSGI, "--module", "tests.hosts.wsgi", "--virtualenv", sys.prefix, "--enable-threads", "--need-app"]
        command += ["--http-socket", address, *options]
        with log.open("wb") as out:
            started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out))
        until = time.monotonic() + SECONDS_TO_START
        while not answers(address):
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        return address

    with scratch_database(tmp_path) as url:
        variables = {"HOST": "bare", "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.hosts.settings"}
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
        migrate = [sys.executable, "-m", "django", "migrate", "-v0", "--skip-checks"]
        subprocess.run(migrate, cwd=ROOT, env=environment, check=True)
        yield serve
        for process in started:
            process.kill()
            process.wait()


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def answers(address):
    host, port = address.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


@pytest.mark.parametrize("options", [(), ("--http-chunked-input",)], ids=["plain", "chunked input"])
def test_messages_are_read_whole_chunked_or_not(serve, options):
    address = serve(*options)
    headers = {"x-api-key": KEY, "content-type": "application/json"}
    body = json.dumps(contract("order")).encode()
    assert send(address, "order", body, headers)[0] == 200
    pieces = (body[at : at + 100] for at in range(0, len(body), 100))
    status, answer = send(address, "order", pieces, headers, encode_chunked=True)
    assert (status, answer.get("outcome")) == (200, "unchanged")
