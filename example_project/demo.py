"""Demo: the life of an order, with a real server, a real database, real HTTP, and a shop with receivers.

`python3 run.py demo` in the root of the repository sets everything up and runs this. The exit code is 0 only if all
promises were kept. The filled database stays, to be viewed in the admin.
"""

import argparse
import http.cookiejar
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote_plus, urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, ProxyHandler, Request, build_opener

from demo_messages import ACCEPTED, CUSTOMER, NUMBER, STEPS, Step

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
KEY = secrets.token_urlsafe(24)
LOGIN, PASSWORD = "demo", secrets.token_hex(6)
DATABASE_TIMEOUT_SECONDS = 30
SERVER_SECONDS = 2  # time for the server to call the receivers itself
DIRECT = ProxyHandler({})  # no proxy for the server on this machine


# ---------------------------------------------------------------- promises


class BrokenPromise(Exception):
    """A promise was not kept; the text says which."""


def promise(kept: object, text: str) -> None:
    if not kept:
        raise BrokenPromise(text)


def wait_until(done, what: str) -> None:
    """Wait until `done()` returns a true value."""
    until = time.monotonic() + DATABASE_TIMEOUT_SECONDS
    while not done():
        promise(time.monotonic() < until, f"waited {DATABASE_TIMEOUT_SECONDS} seconds for {what}")
        time.sleep(0.05)


# ---------------------------------------------------------------- other services, and clients of the shop


class MailService:
    """Mail service of the shop. It has a URL from the start, but refuses connections until `up` is called."""

    def __init__(self) -> None:
        keys: list[str] = []

        class Take(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                keys.append(self.headers["Idempotency-Key"])
                self.send_response(202)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Log nothing."""

        self.keys = keys
        self.server = HTTPServer(("127.0.0.1", 0), Take, bind_and_activate=False)
        self.server.server_bind()
        self.url = f"http://127.0.0.1:{self.server.server_port}/send"

    def up(self) -> None:
        self.server.server_activate()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@contextmanager
def shop_server(directory: Path):
    """Run the shop under gunicorn on a free port; yield its URL, and stop it at the end."""
    config = directory / "gunicorn.conf.py"
    config.write_text("control_socket_disable = True\n")
    with socket.socket() as listener, (directory / "gunicorn.log").open("wb") as log:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port, handle = listener.getsockname()[1], listener.fileno()
        command = [sys.executable, "-m", "gunicorn", "--config", str(config), "--bind", f"fd://{handle}"]
        server = subprocess.Popen(
            [*command, "project.wsgi"], cwd=HERE, pass_fds=[handle], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def post(address: str, step: Step) -> str:
    """Send a message as Stock Hub does; return the answer, such as "200 created"."""
    headers = {
        "Content-Type": "application/json",
        "x-api-key": "not-our-key" if step.wrong_key else KEY,
        "x-version": "V1",
    }
    request = Request(f"{address}api/v1/stockhub/{step.topic}", json.dumps(step.body).encode(), headers)
    try:
        with build_opener(DIRECT).open(request, timeout=DATABASE_TIMEOUT_SECONDS) as answer:
            return f"{answer.status} {json.load(answer).get('outcome', 'kept')}"
    except HTTPError as refusal:
        refusal.close()
        return f"{refusal.code} refused"


def look_into_admin(address: str) -> None:
    """Log in with the login that the demo prints, and look for the order."""
    browser: OpenerDirector = build_opener(DIRECT, HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def page(path: str, **form: str) -> str:
        data = urlencode(form).encode() if form else None
        with browser.open(f"{address}admin/{path}", data, timeout=DATABASE_TIMEOUT_SECONDS) as answer:
            return answer.read().decode()

    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page("login/"))
    promise(token, "the admin has no login page")
    page("login/", csrfmiddlewaretoken=token[1], username=LOGIN, password=PASSWORD, next="/admin/")
    promise(NUMBER in page("shop/shoporder/"), "the admin does not show the shop's order")
    promise(NUMBER in page("stockhub_webhooks/order/"), "the admin does not show the order at Stock Hub")


# ---------------------------------------------------------------- the demo


def set_up(directory: Path, mail: MailService) -> None:
    """Create a shop for this demo: environment, database, login, and an order that was sent to Stock Hub."""
    environment = {
        "SECRET_KEY": secrets.token_urlsafe(40),
        "STOCKHUB_API_KEY": KEY,
        "DEBUG": "true",
        "VAR_DIR": directory,
        "DATABASE_URL": f"sqlite:///{quote_plus(str(directory / 'shop.sqlite3'), safe='/')}",
        "STOCKHUB_BACKOFF_BASE_SECONDS": "2",
        "MAIL_SERVICE_URL": mail.url,
    }
    env_file = directory / "shop.env"
    env_file.touch(mode=0o600)
    env_file.write_text("".join(f"{name}={value}\n" for name, value in environment.items()))
    os.environ |= {"ENV_FILE": str(env_file), "DJANGO_SETTINGS_MODULE": "project.settings", "no_proxy": "127.0.0.1"}

    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from django.contrib.auth import get_user_model
    from shop.models import ShopOrder

    get_user_model().objects.create_superuser(LOGIN, "demo@example.com", PASSWORD)
    ShopOrder.objects.create(
        number=NUMBER, customer_email=CUSTOMER["email"], total=Decimal(str(ACCEPTED["grand_total"]))
    )


def run_worker() -> None:
    worker = [sys.executable, str(HERE / "manage.py"), "stockhub_worker", "--once"]
    subprocess.run(worker, check=True, timeout=DATABASE_TIMEOUT_SECONDS)


def settle() -> None:
    """Wait until each call is done, or has failed because the mail service is down.

    A locked SQLite file postpones a call for a second or two. Without more requests, only a worker makes it then.
    """
    from stockhub_webhooks.models import ReceiverCall

    pending = ReceiverCall.objects.exclude(status="done").exclude(status="pending", cause__contains="URLError")
    began = time.monotonic()

    def settled() -> bool:
        if pending.exists() and time.monotonic() - began > SERVER_SECONDS:
            run_worker()
        return not pending.exists()

    wait_until(settled, "the shop's receivers to be called")


def new_events(known: set[int]) -> list[str]:
    """Return a line for each new event: its receivers, and which of them failed."""
    from stockhub_webhooks.models import Event

    settle()
    lines = []
    for event in Event.objects.exclude(pk__in=known).order_by("pk"):
        known.add(event.pk)
        calls = event.receiver_calls.order_by("pk")
        names = [short(call) + (" FAILED" if call.status != "done" else "") for call in calls]
        if names:
            lines.append(f"{event.type} -> {', '.join(names)}")
    return lines


def short(call) -> str:
    return call.receiver.removeprefix("shop.")


def send_messages(address: str) -> None:
    """Send all messages; print the answer, the events and the receivers of each."""
    print(f"{'Stock Hub sends':<25}{'we answer':<16}the shop hears of it -> its receivers")
    print("-" * 98)
    known: set[int] = set()
    for step in STEPS:
        answer = post(address, step)
        events = new_events(known)
        print(f"{step.title:<25}{answer:<16}{events[0] if events else '-'}")
        for line in events[1:]:
            print(f"{'':<41}{line}")
        promise(answer == step.promised, f"{step.title.strip()!r} was answered {answer!r}, not {step.promised!r}")


def heal(mail: MailService) -> None:
    """Start the mail service, and let the worker complete the call that failed."""
    from stockhub_webhooks.models import ReceiverCall

    settle()  # a later request may have retried the call that failed
    failed = ReceiverCall.objects.exclude(status="done").get()
    attempts, error = failed.attempts, failed.last_error.partition("\n")[0]
    print(f"\nOne receiver failed, since the mail service was down: {short(failed)}. Nothing else waited for it.")
    print(f"  attempt {attempts:<3}failed   {error[:70]}")
    promise(not mail.keys, "a mail was sent while the mail service was down")
    mail.up()

    def healed() -> bool:
        run_worker()
        failed.refresh_from_db()
        return failed.status == "done"

    wait_until(healed, f"{short(failed)} to heal")
    print(f"  attempt {failed.attempts:<3}done     by the cron line, `manage.py stockhub_worker --once`")
    promise(failed.attempts > attempts, "the receiver healed without another attempt")
    promise(len(mail.keys) == 1, f"the customer got {len(mail.keys)} mails instead of one")


def check_end() -> None:
    """Check the values that the shop and the app must have at the end."""
    from shop.models import ShopOrder

    from stockhub_webhooks.models import Message, Order, ReceiverCall

    shop_order = ShopOrder.objects.get(number=NUMBER)
    print(f"\nThe shop's own order at the end: {shop_order}, {shop_order.get_state_display()}")
    print(f"  total EUR {shop_order.total}, invoiced EUR {shop_order.invoiced}, parcel {shop_order.tracking}")
    print(f"  at Stock Hub {shop_order.stock_hub_status}, return {shop_order.return_status}")
    print(f"  refund proposed to the staff, not paid: EUR {shop_order.refund_proposal}")
    wanted = {
        "state": ShopOrder.State.REFUND_PROPOSED,
        "stock_hub_status": "complete",
        "total": Decimal("234.75"),
        "invoiced": Decimal("234.75"),
        "tracking": "ups 1Z00AA000000000010",
        "return_status": "approved",
        "refund_proposal": Decimal("37.45"),
    }
    for name, value in wanted.items():
        actual = getattr(shop_order, name)
        promise(actual == value, f"the shop's order has {name} {actual!r} instead of {value!r}")
    applied = Message.objects.filter(status="applied").count()
    promise(applied == Message.objects.count() == len(STEPS) - 1, f"{applied} messages are stored and applied")
    promise(Order.objects.get().grand_total == Decimal("234.75"), "the order at Stock Hub has another total")
    promise(not ReceiverCall.objects.exclude(status="done").exists(), "a receiver call is not done")


def relative(path: str | Path) -> Path:
    """Return a path relative to the root of the repository, if it is inside."""
    return Path(path).relative_to(ROOT) if Path(path).is_relative_to(ROOT) else Path(path)


def free_port(wanted: int = 8000) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def print_login(directory: Path) -> None:
    port = free_port()
    print("\nAll as promised. Look at it in the admin:")
    command = f"{relative(sys.executable)} {relative(HERE / 'manage.py')} runserver {port}"
    print(f"  ENV_FILE={relative(directory / 'shop.env')} {command}")
    print(f"  http://127.0.0.1:{port}/admin/   login: {LOGIN}   password: {PASSWORD}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, default=ROOT / ".run" / "demo", help="where to make the scratch shop")
    parent = parser.parse_args().directory.resolve()
    if os.name == "nt":
        print("The demo's web server, gunicorn, needs Linux or macOS (on Windows: WSL).", file=sys.stderr)
        return 1
    sys.stdout.reconfigure(line_buffering=True)  # so that errors are printed below earlier output
    for number in (signal.SIGINT, signal.SIGTERM):  # so that signals stop the server, too
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    parent.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=parent, prefix=""))
    mail = MailService()
    try:
        set_up(directory, mail)
        import stockhub_webhooks

        place = relative(Path(stockhub_webhooks.__file__).parent)
        print(f"stockhub_webhooks {stockhub_webhooks.__version__} from {place}\n")
        with shop_server(directory) as address:
            send_messages(address)
            heal(mail)
            check_end()
            look_into_admin(address)
    except (BrokenPromise, OSError, subprocess.SubprocessError) as broken:
        log = directory / "gunicorn.log"
        print(f"\nNOT as promised: {broken}. The end of the server's log, {log}:", file=sys.stderr)
        print(*(log.read_text().splitlines()[-8:] if log.exists() else ["(empty)"]), sep="\n", file=sys.stderr)
        return 1
    print_login(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
