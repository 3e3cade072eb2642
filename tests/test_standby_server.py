"""A real nginx in front of two real gunicorns: the standby takes over while the main server is down."""

import http.client
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import threading

import pytest

from benchmarks.breaking import children
from tests.conftest import KEY
from tests.processes import ROOT, free_port, wait_for_port
from tests.samples import sample
from tests.test_server import send

pytestmark = pytest.mark.server

# its workers would run as another user, who may not write below the folder of a test
USER = "user root root;" if os.geteuid() == 0 else ""
NGINX = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {servers}
}}
"""


def documented():
    """Return the lines for nginx in the documentation."""
    text = (ROOT / "docs" / "guides" / "deploy.md").read_text()
    (lines,) = re.findall(r"```nginx\n(.*?)```", text, re.DOTALL)
    return lines


class Site:
    """An nginx with the documented lines, the main server and the standby."""

    def __init__(self, shop):
        self.shop = shop
        self.main_port, self.standby_port, self.port = free_port(), free_port(), free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.standby = self.gunicorn("stockhub_webhooks.standby:application", self.standby_port)

    def start_nginx(self):
        """Start nginx; wait until it listens."""
        folder = self.shop.folder / "nginx"
        folder.mkdir()
        servers = documented()
        for old, new in (
            ("listen 80;", f"listen {self.address};"),
            ("127.0.0.1:8000", f"127.0.0.1:{self.main_port}"),
            ("127.0.0.1:8001", f"127.0.0.1:{self.standby_port}"),
            ("proxy_read_timeout 20s", "proxy_read_timeout 5s"),
        ):
            assert servers.count(old) == 1
            servers = servers.replace(old, new)
        file = folder / "nginx.conf"
        file.write_text(NGINX.format(folder=folder, servers=servers, user=USER))
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        process = subprocess.Popen([program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(file)])
        self.shop.started.append(process)
        wait_for_port(process, self.port)

    def gunicorn(self, application, port):
        """Start a gunicorn; wait until it answers."""
        process = self.shop.start("-m", "gunicorn", application, "-b", f"127.0.0.1:{port}", "--log-level", "error")
        wait_for_port(process, port)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/api/v1/stockhub/health")
        assert connection.getresponse().status == 200
        connection.close()
        return process

    def main(self):
        """Start the main server."""
        return self.gunicorn("tests.host.wsgi", self.main_port)

    def post(self, number, **options):
        """Post an order that nginx does not keep in memory."""
        body = json.dumps(sample("order", increment_id=f"{number:09d}", noise="x" * 100_000)).encode()
        return send(self.address, "order", body, **options)


@pytest.fixture
def site(shop):
    """Start the standby and nginx; no main server runs."""
    shop.environment["SHOP_SPOOL_DIR"] = str(shop.folder / "spool")
    site = Site(shop)
    site.start_nginx()
    yield site
    for process in shop.started:
        if process.poll() is None:
            process.terminate()
            process.wait(20)


def test_message_is_kept_while_the_main_server_is_down_and_imported_after_its_start(site, shop):
    main = site.main()
    assert site.post(1)[0] == 200
    workers = children(main)
    main.kill()
    main.wait(20)
    for pid in workers:  # they would answer until they miss the first process
        os.kill(pid, signal.SIGKILL)
    status, answer = site.post(2)
    assert status == 202
    assert [path.stem for path in (shop.folder / "spool").iterdir()] == [answer["message"]]
    wrong = {"x-api-key": "wrong", "content-type": "application/json"}
    assert site.post(3, headers=wrong)[0] == 401
    site.main()
    assert site.post(4)[0] == 200
    shop.worker("--once")
    assert list((shop.folder / "spool").iterdir()) == []
    assert shop.query("sorted(Order.objects.values_list('increment_id', flat=True))") == [
        f"{number:09d}" for number in (1, 2, 4)
    ]
    assert shop.query("len(bytes(Message.objects.get(increment_id='000000002').body)) > 100_000")


def test_message_that_the_main_server_stores_after_its_time_out_changes_nothing(site, shop):
    main = site.main()
    assert site.post(1)[0] == 200
    workers = children(main)
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    assert site.post(2)[0] == 202
    for pid in workers:
        os.kill(pid, signal.SIGCONT)
    assert site.post(3)[0] == 200
    main.send_signal(signal.SIGTERM)
    main.wait(40)
    shop.worker("--once")
    outcomes = shop.query("sorted(Message.objects.filter(increment_id='000000002').values_list('outcome', flat=True))")
    assert outcomes in (["created", "unchanged"], ["created"])  # gunicorn may see that nginx has gone
    assert shop.query("Event.objects.filter(type='order.created', increment_id='000000002').count()") == 1


def test_answer_503_of_the_application_is_not_the_last_word(site, shop):
    class Unavailable(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_error(503)

        def log_message(self, *args):
            pass

    server = http.server.HTTPServer(("127.0.0.1", site.main_port), Unavailable)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        assert site.post(1)[0] == 202
    finally:
        server.shutdown()
        server.server_close()
    assert len(list((shop.folder / "spool").iterdir())) == 1


def test_standby_starts_and_answers_without_a_database(shop):
    shop.environment["SHOP_SPOOL_DIR"] = str(shop.folder / "spool")
    shop.environment["DATABASE_URL"] = "postgres://nobody:nothing@127.0.0.1:1/none"
    site = Site(shop)
    status, answer = send(f"127.0.0.1:{site.standby_port}", "order", json.dumps(sample("order")).encode())
    assert status == 202
    text = (shop.folder / "spool" / f"{answer['message']}.json").read_text()
    assert "nothing" not in text
    assert KEY not in text
