"""Real processes: several that count together, and those that are not asked to."""

import http.client
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import KEY, PREFIX
from tests.contrib.metrics.conftest import ADDRESS, TOKEN, numbers
from tests.samples import sample

pytestmark = pytest.mark.server

DOCUMENTATION = (Path(__file__).parents[3] / "docs" / "guides" / "metrics.md").read_text(encoding="utf-8")
METRICS = {"SHOP_METRICS": "1", "SHOP_METRICS_TOKEN": TOKEN}


def ask(address, method, path, body=None, **headers):
    """(status, text) of one request on a connection of its own."""
    connection = http.client.HTTPConnection(address, timeout=20)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def post(address, number):
    body = json.dumps(sample("order", increment_id=f"{number:09}"))
    return ask(address, "POST", f"{PREFIX}order", body, **{"x-api-key": KEY, "content-type": "application/json"})[0]


def scrape(address):
    status, text = ask(address, "GET", ADDRESS, authorization=f"Bearer {TOKEN}")
    assert status == 200, text
    return numbers(text)


def gunicorn_configuration(folder):
    """The one of the documentation."""
    (code,) = re.findall(r"```python\n# gunicorn\.conf\.py\n(.*?)```", DOCUMENTATION, re.DOTALL)
    file = folder / "gunicorn.conf.py"
    file.write_text(code)
    return str(file)


def test_two_web_workers_and_a_worker_are_counted_together(shop, tmp_path):
    together = tmp_path / "metrics"
    together.mkdir()
    environment = METRICS | {"PROMETHEUS_MULTIPROC_DIR": str(together), "SHOP_RUNNER": "worker"}
    options = ("--workers", "2", "--config", gunicorn_configuration(tmp_path))
    sent = 0
    with shop.serve(*options, **environment) as address, ThreadPoolExecutor(4) as pool:
        while len(list(together.glob("counter_*.db"))) < 2:
            assert sent < 400, "one of the two has all the work"
            assert set(pool.map(lambda number: post(address, number), range(sent, sent + 20))) == {202}
            sent += 20
        for _ in range(4):  # whichever of the two answers
            found = scrape(address)
            assert found["received_messages_total", "webhook", "order"] == sent
            assert found["answer_seconds_count", "202"] == sent
            assert found["open_messages",] == sent
        shop.worker("--once", **environment)
        found = scrape(address)
        assert found["processed_messages_total", "created", "order"] == sent
        assert found["receiver_calls_total", "shop.orders", "done"] == sent
        assert found["open_messages",] == 0
        assert "worker_heartbeat_timestamp_seconds" in {key[0] for key in found}
    assert "Traceback" not in shop.log()


def test_a_real_outage_of_the_database_is_reported_with_what_is_lost_meanwhile(shop, tmp_path):
    nowhere = {"DATABASE_URL": f"sqlite:///{tmp_path}/not/there.sqlite3"}
    with shop.serve(**METRICS, **nowhere) as address:
        assert post(address, 1) == 503
        found = scrape(address)
    assert (found["database_up",], found["finding", "database"]) == (0, 2)
    assert found["answer_seconds_count", "503"] == 1


RECEIVE = f"""
import sys
without = sys.argv[1:]
sys.modules.update(dict.fromkeys(without))
import django; django.setup()
from django.test import Client
answer = Client().post("{PREFIX}order", {json.dumps(sample("order"))!r}, content_type="application/json",
                       headers={{"x-api-key": "{KEY}"}})
page = Client().get("{ADDRESS}", headers={{"authorization": "Bearer {TOKEN}"}})
print(answer.status_code, page.status_code, bool(sys.modules.get("prometheus_client")))
"""


def test_a_shop_that_does_not_ask_imports_nothing_of_it(shop):
    assert shop.run("-c", RECEIVE, SHOP_METRICS_TOKEN=TOKEN) == "200 404 False\n"


def test_a_shop_that_asks_counts(shop):
    assert shop.run("-c", RECEIVE, **METRICS) == "200 200 True\n"


def test_a_shop_that_asks_without_the_package_goes_on(shop):
    assert shop.run("-c", RECEIVE, "prometheus_client", **METRICS) == "200 404 False\n"


def test_the_page_of_ones_own_in_the_documentation_shows_all_of_it(shop, tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENTATION, re.DOTALL)
    (code,) = [block for block in blocks if "def own_page" in block]
    out = shop.run(
        "-c",
        f"import django; django.setup()\n{RECEIVE}\n{code}\nprint(own_page().decode())",
        PROMETHEUS_MULTIPROC_DIR=str(tmp_path),
        **METRICS,
    )
    found = numbers(out.split("True\n", 1)[1])
    assert found["received_messages_total", "webhook", "order"] == 1
    assert found["open_messages",] == 0
