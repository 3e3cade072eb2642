"""A gunicorn as in production: two processes of four threads."""

import http.client
import subprocess
import sys
from contextlib import suppress

from benchmarks.breaking import children
from benchmarks.measure import load
from benchmarks.measure.processes import cpu_seconds
from tests.processes import free_port, wait_for_port

SHAPE = ("-k", "gthread", "-w", "2", "--threads", "4")


class Server:
    """One gunicorn with an environment of its own; it is there once `wait` returns."""

    def __init__(self, name, environment, root, log, shape=SHAPE):
        self.name, self.log = name, log
        self.port = free_port()
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "benchmarks.measure.site.wsgi", "-b", f"127.0.0.1:{self.port}",
                 *shape, "--log-level", "error"],
                cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            )  # fmt: skip

    def wait(self):
        """Until it listens."""
        wait_for_port(self.process, self.port)
        return self

    @property
    def workers(self):
        """The process ids of those that answer."""
        return children(self.process)

    def try_once(self, path, headers, body):
        """Post one message; whoever does not answer it with 2xx is not measured."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"} | headers)
            answer = connection.getresponse()
            said = answer.read(400)
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise RuntimeError(f"{self.name} answers {answer.status}: {said!r}; {self.log.read_text()[-1500:]}")

    def sender(self, prefix, headers):
        """A function that posts one message (topic, body) over a connection of its own; the status, 0 for none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

        def send(topic, body):
            try:
                connection.request("POST", prefix + topic, body, {"Content-Type": "application/json"} | headers)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                return 0
            return answer.status

        return send

    def load(self, path, **options):
        """One run of wrk, with `cpu`: the microseconds of CPU time that a request cost this server's processes."""
        before = cpu_seconds(self.process.pid)
        run = load.post(f"http://127.0.0.1:{self.port}{path}", **options)
        used = cpu_seconds(self.process.pid) - before
        return run | {"cpu": used / max(run["requests"], 1) * 1e6}

    def stop(self):
        """Politely, then not."""
        if self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(15)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
