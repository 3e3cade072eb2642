"""The command `stockhub_simulate` against a receiver whose answers a test sets."""

import contextlib
import json
import threading
from collections import Counter
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from stockhub_webhooks import signals
from stockhub_webhooks.exceptions import RetryLater
from stockhub_webhooks.management.commands.stockhub_simulate import Command
from stockhub_webhooks.testing.simulator import simulation, summary
from stockhub_webhooks.testing.simulator.scenarios import BY_NAME, Key, Post
from stockhub_webhooks.testing.simulator.sending import DeliveryAnswer, Target, send

NOW = datetime(2026, 5, 1, tzinfo=timezone.utc)
EACH = pytest.mark.parametrize("name", BY_NAME)


@pytest.fixture
def receiver():
    """Start a receiver that accepts the key "k" and records the requests."""

    class Take(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            server.got.append((self.path, self.headers, body))
            if server.hang_up_after and len(server.got) > server.hang_up_after:
                server.hang_up_after = 0
                self.close_connection = True
                return
            status, text = server.answer(self, body)
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args):
            """Silent."""

    def answer(request, body):
        if request.headers["x-api-key"] != "k":
            return 401, b'{"title": "Wrong key"}'
        try:
            json.loads(body, parse_constant=int)["items"][0]
        except (ValueError, LookupError, TypeError):
            return 406, b"[]"
        good = b"increment_id" in body
        return (200, b'{"outcome": "created"}') if good else (406, b"not JSON")

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128  # with 5, who connects at once with others is reset

    server = Server(("127.0.0.1", 0), Take)
    server.got, server.answer, server.hang_up_after = [], answer, 0
    server.url = f"http://127.0.0.1:{server.server_port}/hooks/"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def simulate(url, *arguments, terminal=False, **options):
    """Run the command and return its output."""
    out, errors = StringIO(), StringIO()
    errors.isatty = lambda: terminal
    options = {"key": "k", "seed": 3, "orders": 3, **options}
    try:
        call_command("stockhub_simulate", url, *arguments, stdout=out, stderr=errors, **options)
    finally:
        simulate.said = out.getvalue()
        simulate.shown = errors.getvalue()
    return simulate.said


# ---------------------------------------------------------------- scenarios


@EACH
def test_each_scenario_gets_the_expected_answers(receiver, name):
    said = simulate(receiver.url, name, orders=7)
    assert f" {len(receiver.got)} of {len(receiver.got)}" in said
    assert said.startswith(f"{name}: ")


@EACH
def test_same_seed_gives_the_same_messages_and_another_seed_other_orders(name):
    first, again, other = (BY_NAME[name].plan(7, seed, NOW) for seed in (1, 1, 2))
    assert first == again
    assert not set(numbers(first)) & set(numbers(other))


def test_same_seed_has_other_numbers_in_each_scenario():
    seen = [number for name in BY_NAME for number in numbers(BY_NAME[name].plan(7, 1, NOW))]
    assert len(seen) == len(set(seen))


def numbers(plan):
    return [life.increment_id for life in plan.lives]


@EACH
def test_all_times_of_a_plan_are_in_the_past(name):
    assert all(step.at < NOW for life in BY_NAME[name].plan(30, 1, NOW).lives for step in life)


def test_broken_messages_are_broken_in_different_ways():
    plan = BY_NAME["malformed"].plan(7, 1, NOW)
    broken = [post.body for queue in plan.queues for post in queue if 406 in post.expected]
    assert len(broken) == len(plan) / 2
    assert len({body[:12] for body in broken}) > 3


def test_in_a_burst_every_message_is_sent_by_itself():
    plan = BY_NAME["burst"].plan(14, 1, NOW)
    assert {len(queue) for queue in plan.queues} == {1}
    assert len(plan) == sum(map(len, plan.lives))


def test_number_of_dropped_messages_is_reported():
    plan = BY_NAME["drop"].plan(50, 1, NOW)
    assert plan.dropped == sum(map(len, plan.lives)) - len(plan) > 0


# ---------------------------------------------------------------- sending


def test_requests_equal_those_of_stock_hub(receiver):
    simulate(receiver.url, orders=1)
    path, headers, body = receiver.got[0]
    assert path == "/hooks/order"
    assert headers["Content-Type"] == "application/json"
    assert (headers["x-api-key"], headers["x-version"]) == ("k", "V1")
    assert json.loads(body)["po_number"] == "SIM-300000"


def test_key_may_contain_any_character(receiver):
    receiver.answer = lambda request, body: (200, b"{}")
    simulate(receiver.url, key="sleutel–é")
    assert receiver.got[0][1]["x-api-key"].encode("latin-1").decode() == "sleutel–é"


def test_messages_of_an_order_keep_their_sequence(receiver):
    simulate(receiver.url, "happy", orders=5, concurrency=5)
    plan = BY_NAME["happy"].plan(5, 3, NOW)
    for life in plan.lives:
        sent = [(path.rpartition("/")[2]) for path, _, body in receiver.got if life.po_number.encode() in body]
        assert sent == [step.topic for step in life]


def test_message_without_an_answer_is_reported_and_the_rest_is_sent(receiver):
    receiver.hang_up_after = 2
    with pytest.raises(CommandError):
        simulate(receiver.url, orders=1)
    assert " 5 of 6" in simulate.said
    assert len(receiver.got) == 6


def test_simulation_without_any_answer_fails(receiver):
    receiver.hang_up_after = -1  # always: more than -1 were got
    answer = send(Target.at(receiver.url), "k", Post("order", "1", b"{}"))
    assert (answer.status, answer.is_as_expected) == (0, False)
    assert "RemoteDisconnected" in answer.detail


def test_redirect_is_not_followed_but_shown(receiver):
    receiver.answer = lambda request, body: (301, b"moved")
    with pytest.raises(CommandError):
        simulate(receiver.url, orders=1)
    assert "order 000300001: 301 " in simulate.said
    assert simulate.said.count(": moved") == 5


# ---------------------------------------------------------------- rate


def test_rate_is_not_exceeded(monkeypatch):
    waits = []

    class Stop(threading.Event):
        def wait(self, timeout=None):
            waits.append(timeout)
            return False

    monkeypatch.setattr(simulation.time, "monotonic", lambda: 100.0)
    pace = simulation.Pace(4)
    assert all(pace.wait(Stop()) for _ in range(4))
    assert waits == [0.25, 0.5, 0.75]


def test_ctrl_c_ends_the_simulation_with_a_summary(receiver):
    def interrupt(done, total):
        raise KeyboardInterrupt

    plan = BY_NAME["happy"].plan(3, 1, NOW)
    running = simulation.Simulation(Target.at(receiver.url), "k", plan, concurrency=2, rate=0.5)
    assert not running.run(interrupt)
    assert len(running.answers) < len(plan)


def test_command_reports_that_it_was_stopped(receiver, monkeypatch):
    monkeypatch.setattr(simulation.Simulation, "run", lambda self, look: False)
    with pytest.raises(CommandError) as stopped:
        simulate(receiver.url)
    assert stopped.value.returncode == 130


def test_command_shows_a_progress_bar_on_a_terminal(receiver):
    simulate(receiver.url, terminal=True, orders=1)
    assert "[##############################] 6/6" in simulate.shown
    simulate(receiver.url, orders=1)
    assert simulate.shown == ""
    assert summary.bar(0, 0).startswith("[####")


# ---------------------------------------------------------------- summing up


def test_percentiles_are_measured_values():
    values = [float(number) for number in range(1, 101)]
    assert [summary.percentile(values, percent) for percent in (50, 95, 99)] == [50, 95, 99]
    assert summary.percentile([7.0], 50) == 7
    assert summary.percentile([], 99) == 0


def test_answers_are_counted_by_status_and_outcome():
    post = Post("order", "1", b"")
    answers = [
        DeliveryAnswer(post, 200, "created", seconds=0.5),
        DeliveryAnswer(post, 0, detail="gone"),
        DeliveryAnswer(post, 200, "created"),
    ]
    said = "\n".join(summary.lines(answers, 2.0))
    assert "3 messages in 2.0 s, 2 a second" in said
    assert Counter(said.split())["2"] == 3
    assert ": gone" in said
    assert "max 500" in said


def test_empty_plan_is_no_error():
    assert "0 messages in 0.0 s, 0 a second" in "\n".join(summary.lines([], 0.0))


# ---------------------------------------------------------------- key and target


@pytest.fixture
def used(monkeypatch):
    """Return the key that a run would use."""
    monkeypatch.delenv("STOCKHUB_KEY", raising=False)
    keys = []

    class Nothing(simulation.Simulation):
        def __init__(self, target, key, plan, **options):
            keys.append(key)
            super().__init__(target, key, plan, **options)

        def run(self, look):
            return True

    monkeypatch.setattr("stockhub_webhooks.management.commands.stockhub_simulate.Simulation", Nothing)
    return keys


ACCOUNTS = {"test": "test-key", "nl": ["live-key"]}


def test_key_is_read_from_a_file_or_the_environment(used, tmp_path, monkeypatch):
    url = "http://127.0.0.1:1/"
    file = tmp_path / "key"
    file.write_text("file-key\n")
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": ACCOUNTS}):
        simulate(url, key=None)
        simulate(url, key=None, live=True)
        simulate(url, key=None, key_file=file)
        monkeypatch.setenv("STOCKHUB_KEY", "environment-key")
        simulate(url, key=None)
        simulate(url, key="said")
    assert used == ["test-key", "live-key", "file-key", "environment-key", "said"]


def test_real_key_is_not_used_without_confirmation(used):
    with pytest.raises(CommandError, match="--live"):
        simulate("http://127.0.0.1:1/", key=None)
    with (
        override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": {"test": "t"}}),
        pytest.raises(CommandError, match="--key"),
    ):
        simulate("http://127.0.0.1:1/", key=None, live=True)
    assert used == []


def test_unreadable_key_file_is_an_error(used, tmp_path):
    with pytest.raises(CommandError, match="FileNotFoundError"):
        simulate("http://127.0.0.1:1/", key=None, key_file=tmp_path / "none")


@pytest.mark.parametrize("url", ["https://shop.example/hooks/", "http://192.0.2.7/", "http://localhost.example.com/"])
def test_another_machine_needs_confirmation(used, url):
    with pytest.raises(CommandError, match="--yes"):
        simulate(url)
    simulate(url, yes=True)
    assert used == ["k"]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/", "http://localhost/", "https://[::1]:8443/", "http://127.9.9.9/"]
)
def test_this_machine_needs_no_confirmation(used, url):
    simulate(url)
    assert used == ["k"]


@pytest.mark.parametrize(
    "url", ["shop.example", "ftp://shop.example/", "http://h:99999/", "http://h/?a=1", "http://u:p@h/"]
)
def test_invalid_url_is_an_error(used, url):
    with pytest.raises(CommandError):
        simulate(url, yes=True)


def test_target_has_a_url_for_each_topic():
    assert Target.at("https://shop.example/hooks").url_of("order") == "https://shop.example/hooks/order"
    assert Target.at("http://[::1]:81/").url_of("order") == "http://[::1]:81/order"


@pytest.mark.parametrize("options", [["--orders", "0"], ["--rate", "-1"], ["--rate", "inf"], ["--orders", "20000"]])
def test_invalid_numbers_are_refused(used, options):
    with pytest.raises(CommandError):
        call_command("stockhub_simulate", "http://127.0.0.1:1/", *options, key="k")


def test_without_a_seed_each_run_has_other_orders(used, capsys):
    said = {simulate("http://127.0.0.1:1/", seed=None) for _ in range(3)}
    assert len(said) > 1


def test_help_lists_the_scenarios(capsys):
    with contextlib.suppress(SystemExit):
        call_command("stockhub_simulate", "--help")
    said = capsys.readouterr().out
    assert all(f"{name}" in said and scenario.sentence in said for name, scenario in BY_NAME.items())


def test_message_without_a_key_has_no_key_header(receiver):
    send(Target.at(receiver.url), "k", Post("order", "1", b"{}", key=Key.NONE))
    assert "x-api-key" not in receiver.got[0][1]


# ---------------------------------------------------------------- orders of the shop, and what its receivers did


@pytest.fixture
def shop(stockhub, monkeypatch):
    """Send the messages through the kit instead of a socket, and call the receivers; return the kit."""

    class Here(simulation.Simulation):
        def run(self, look):
            for post in (post for messages in self._plan.queues for post in messages):
                delivery = stockhub.deliver(post.topic, post.body)
                self.answers.append(DeliveryAnswer(post, delivery.status, delivery.outcome))
            stockhub.run_pending(raise_errors=False)
            return True

    monkeypatch.setattr("stockhub_webhooks.management.commands.stockhub_simulate.Simulation", Here)
    return stockhub


URL = "http://127.0.0.1:1/"
OURS = "tests.testing.simulator.test_simulate.orders_of_ours"
ITEMS = ({"sku": "A-1", "size": "42", "qty": 2, "item_price_inc_tax": "19.95"},)


def orders_of_ours():
    yield "OURS-1", ITEMS
    yield "OURS-2", []


def test_orders_of_the_shop_are_played_with_their_lines(shop):
    heard = shop.heard(signals.order_created)
    assert "receivers: 2 done, 0 waiting, 0 failed" in simulate(URL, orders_from=OURS, orders=None)
    first, second = (call.order for call in heard)
    assert (first.po_number, second.po_number) == ("OURS-1", "OURS-2")
    assert [(item.sku, item.size, item.qty_ordered) for item in first.items.all()] == [("A-1", "42", 2)]
    assert second.items.exists()


def test_numbers_of_the_shop_are_read_from_a_file_and_limited(shop, tmp_path):
    heard = shop.heard(signals.order_created)
    file = tmp_path / "numbers"
    file.write_text("OURS-1\n\n OURS-2 \nOURS-3\n")
    assert "orders 2, " in simulate(URL, po_numbers=file, orders=2)
    assert [call.order.po_number for call in heard] == ["OURS-1", "OURS-2"]


@pytest.mark.parametrize(
    ("error", "counted"),
    [
        (RetryLater(60, "no such order yet"), "0 done, 2 waiting, 0 failed"),
        (KeyError("A-1"), "0 done, 0 waiting, 2 fai"),
    ],
)
def test_receiver_that_is_not_done_is_shown_and_is_an_error(shop, hear, error, counted):
    def refuse(**arguments):
        raise error

    hear(signals.order_created, refuse, uid="shop.refuse")
    with pytest.raises(CommandError, match="not every receiver"):
        simulate(URL, orders_from=OURS, orders=None, wait=0.01)
    assert counted in simulate.said
    assert "shop.refuse: 2 " in simulate.said
    assert str(error.args[0]) in simulate.said


def test_messages_without_any_receiver_call_are_an_error(shop):
    with pytest.raises(CommandError, match="test=True"):
        simulate(URL, orders_from=OURS, orders=None)


def test_messages_of_another_database_are_an_error(shop, monkeypatch):
    monkeypatch.setattr(simulation.Simulation, "answers", [], raising=False)
    monkeypatch.setattr(shop, "deliver", lambda topic, body: DeliveryAnswer(None, 200))
    with pytest.raises(CommandError, match="--wait 0"):
        simulate(URL, orders_from=OURS, orders=None)
    assert "as expected" in simulate(URL, orders_from=OURS, orders=None, wait=0)


def test_receivers_of_made_up_orders_are_looked_up_if_asked_for(shop):
    shop.heard(signals.order_created)
    assert "receivers: " not in simulate(URL)
    assert "receivers: 3 done" in simulate(URL, seed=4, wait=1)


@pytest.mark.parametrize(
    "path",
    [
        "no.such",
        "tests.testing.simulator.test_simulate.NO_PAIRS",
        "tests.testing.simulator.test_simulate.KEYLESS",
        "json.loads.x",
    ],
)
def test_orders_that_cannot_be_read_are_an_error(used, path):
    with pytest.raises(CommandError, match="orders cannot be played"):
        simulate(URL, orders_from=path, orders=None)


NO_PAIRS = ["OURS-1"]
KEYLESS = [("OURS-1", [{"size": "42"}])]


def test_file_without_numbers_is_an_error(used, tmp_path):
    for file in (tmp_path, tmp_path / "empty"):
        (tmp_path / "empty").write_text("\n")
        with pytest.raises(CommandError, match="orders cannot be played"):
            simulate(URL, po_numbers=file, orders=None)


def test_options_may_stand_before_and_after_the_scenario():
    parser = Command().create_parser("manage.py", "stockhub_simulate")
    for words in ("URL --key K return", "URL return --key K", "--key K URL return"):
        options = parser.parse_args(words.split())
        assert (options.url, options.scenario, options.key) == ("URL", "return", "K")
    assert parser.parse_args(["URL", "--key", "K"]).scenario == "happy"
