"""Behind a real PgBouncer that hands each transaction to another server connection, no statement is mixed up."""

import json
from collections import Counter
from urllib.parse import urlsplit

import psycopg
import pytest

from benchmarks.pgbouncer import pgbouncer, program
from tests.processes import Shop, execute, scratch_database
from tests.samples import sample

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.server,
    pytest.mark.skipif(program() is None, reason="pgbouncer is not installed"),
]
ORDERS = 25


@pytest.fixture
def pooled_shop(transactional_db, tmp_path, migrated_database):
    """A shop whose connections all lead through PgBouncer to one server connection."""
    with scratch_database(tmp_path, migrated_database) as url, pgbouncer(url, pool_size=1) as pooled:
        shop = Shop(pooled, tmp_path, is_migrated=True)
        yield shop
        shop.close()


def orders(process_number):
    """Orders whose statements differ between the processes: another number of lines, with and without addresses."""
    for number in range(ORDERS):
        body = sample("order", increment_id=f"{process_number}{number:08d}")
        body["items"] = [dict(body["items"][0], sku=f"sku-{n}") for n in range(1 + (number + process_number) % 3)]
        yield "order", body
        yield "invoice", sample("invoice", increment_id=body["increment_id"], order_increment_id=body["increment_id"])


def post(shop, posts, **environment):
    """Post the messages of each list in a process of its own; return the answers, and what was logged."""
    processes = [shop.start("-m", "tests.shop.post_versions", **environment) for _ in posts]
    for process, messages in zip(processes, posts, strict=True):
        process.stdin.write(json.dumps([messages]))
        process.stdin.close()
        process.stdin = None
    answers, errors = [], ""
    for process in processes:
        out, log = process.communicate(timeout=110)
        answers += out.split()
        errors += log
    return answers, errors


@pytest.mark.parametrize("options", [{}, {"pool": {"min_size": 1, "max_size": 2}}], ids=str)
def test_two_processes_behind_a_pool_of_one_store_all_messages(pooled_shop, options):
    posts = [list(orders(number)) for number in (1, 2)]
    answers, errors = post(pooled_shop, posts, SHOP_DATABASE_OPTIONS=json.dumps(options))
    assert answers == ["200"] * (4 * ORDERS), errors
    assert "prepared" not in errors  # it was never tried, so it need not be switched off
    assert pooled_shop.query("Message.objects.filter(status='applied').count()") == 4 * ORDERS
    lines = Counter(pooled_shop.query("list(OrderItem.objects.values_list('order__increment_id', flat=True))"))
    sent = [body for messages in posts for topic, body in messages if topic == "order"]
    assert lines == {body["increment_id"]: len(body["items"]) for body in sent}


def test_a_limit_of_the_role_is_in_force_where_options_are_refused(transactional_db, tmp_path, migrated_database):
    """As docs/guides/deploy.md says; the limit is given for this database alone, since other tests share the role."""
    with scratch_database(tmp_path, migrated_database) as url:
        role, name = urlsplit(url).username, url.rpartition("/")[2]
        execute(f"ALTER ROLE {role} IN DATABASE {name} SET statement_timeout = '15s'")
        with pgbouncer(url, pool_size=1, ignored="extra_float_digits") as pooled:
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(pooled, options="-c statement_timeout=15000")
            with psycopg.connect(pooled) as connection:
                assert connection.execute("SHOW statement_timeout").fetchone() == ("15s",)
            shop = Shop(pooled, tmp_path, is_migrated=True)
            try:
                without = json.dumps({"options": ""})  # those of the tests, which this pooler refuses
                assert post(shop, [[["order", sample("order")]]], SHOP_DATABASE_OPTIONS=without)[0] == ["200"]
            finally:
                shop.close()
            with psycopg.connect(pooled) as connection:
                rows = connection.execute("SELECT status FROM stockhub_webhooks_message")
                assert rows.fetchall() == [("applied",)]
