"""The filled shop: its admin opens, and nothing is left running."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

from tests.example.test_demo import nothing_is_left_of

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.server, pytest.mark.sqlite, pytest.mark.timeout(240)]


def test_office_serves_a_filled_shop_until_it_is_stopped(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    errors = (tmp_path / "stderr").open("w+")
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "example_project" / "office.py"), "--directory", str(tmp_path)],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,  # as under nohup and in a container
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        start_new_session=True,
    )
    try:
        address = next(line for line in process.stdout if line.startswith("http://")).strip()
        with build_opener(ProxyHandler({})).open(address, timeout=30) as answer:
            assert "Stock Hub" in answer.read().decode() or "/login/" in answer.url
    finally:
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        process.stdout.close()
    assert process.returncode == 0
    assert nothing_is_left_of(process)
    with errors:
        errors.seek(0)
        assert errors.read() == ""  # receivers fail on purpose, and nobody should think that the set-up did
    (database,) = tmp_path.rglob("shop.sqlite3")
    query = "select count(*), count(distinct outcome) from stockhub_webhooks_message"
    counted = subprocess.check_output(
        [
            sys.executable,
            "-c",
            f"import sqlite3; print(*sqlite3.connect({str(database)!r}).execute({query!r}).fetchone())",
        ]
    )
    messages, outcomes = map(int, counted.split())
    assert messages > 100
    assert outcomes >= 4
