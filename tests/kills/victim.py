"""Child processes that receive a message and work on it. They are forks of one process that has no connection.

A fork of a warm process starts in milliseconds, and shares nothing with another: neither connections nor threads exist
when it is made.
"""

import json
import os
import signal
import sys
import traceback
from dataclasses import dataclass
from multiprocessing import Pipe

from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import close_old_connections, connection
from django.test import Client

from stockhub_webhooks import runners, signals
from stockhub_webhooks.operations import worker
from tests.conftest import KEY, PREFIX
from tests.kills.points import Points

HANGS_AFTER_SECONDS = 60


@dataclass(frozen=True)
class Task:
    """What a child does: receive a message, if there is one, and then all due work.

    Attributes:
        runner: a name of `RUNNER`.
        topic: the topic of the message.
        body: its body; None to receive nothing.
        is_spooled: True if the database rejects the message at first.
        kill_at: the point at which the child kills itself.
        port: the port of the database, if it is another one.
    """

    runner: str
    topic: str = ""
    body: bytes | None = None
    is_spooled: bool = False
    kill_at: int | None = None
    port: int | None = None


@dataclass
class End:
    """The end of a child.

    Attributes:
        is_killed: True if the child killed itself.
        points: the number of actions, if it did not.
        answer: the status of the answer; 0 if there was none.
        action: the last action before the kill.
    """

    is_killed: bool
    points: int = 0
    answer: int = 0
    action: str = ""

    @property
    def is_accepted(self):
        return 200 <= self.answer < 300


def use_runner(name):
    """Set `RUNNER` in this process."""
    settings.STOCKHUB_WEBHOOKS = {**settings.STOCKHUB_WEBHOOKS, "RUNNER": name}


def post(topic, body):
    """Receive a message as the web server would; work after the answer is done when this returns."""
    headers = {"x-version": "V1", "x-api-key": KEY}
    client = Client(raise_request_exception=False)
    return client.post(PREFIX + topic, body, content_type="application/json", headers=headers).status_code


def work():
    """Do what is due, as the process does that works for the runner."""
    runner = runners.current()
    do = worker.drain if isinstance(runner, runners.WorkerRunner) else getattr(runner, "work", runner.wake)
    try:
        do()
    except DatabaseFault:  # the connection was cut; a worker looks again after a second
        close_old_connections()
        do()


def do(task):
    """Receive the message of the task, and do what is due."""
    use_runner(task.runner)
    if task.body is not None:
        post(task.topic, task.body)
    if task.body is None or task.is_spooled or task.runner != "inline":
        work()


def run(task, report):
    """Do a task in this process, which ends afterwards: count its points, and die at one of them."""
    signal.alarm(HANGS_AFTER_SECONDS)
    if task.port:
        connection.settings_dict.update(HOST="127.0.0.1", PORT=task.port)
    points = Points(task.kill_at, lambda action: report(action=action))
    points.install()
    points.refuses_messages = task.is_spooled

    def answered(sender, *, status, **kwargs):
        report(answer=status)
        points.refuses_messages = False

    signals.delivery_answered.connect(answered, weak=False, dispatch_uid="kills.answered")
    do(task)
    report(points=points.passed)


class Here:
    """Does tasks in this process, without points."""

    def run(self, task):
        """Do a task; return its `End`."""
        do(task)
        return End(is_killed=False)


# ---------------------------------------------------------------- forks


class Zygote:
    """A process without connections and threads, which forks a child for each task."""

    def __init__(self):
        self._connection, other = Pipe()
        self._pid = os.fork()
        if not self._pid:
            self._connection.close()
            self._serve(other)
        other.close()

    def run(self, task):
        """Run a task in a child; return its `End`.

        Raises:
            AssertionError: the child failed, or did not end.
        """
        self._connection.send(task)
        status, said = self._connection.recv()
        is_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        assert is_killed or status == 0, f"the child ended with {status}"
        return End(is_killed, **said)

    def close(self):
        """End the process."""
        self._connection.close()
        os.waitpid(self._pid, 0)

    def _serve(self, requests):
        while True:
            try:
                task = requests.recv()
            except (EOFError, ConnectionError):
                os._exit(0)
            requests.send(_fork(task))


def _fork(task):
    """Return the exit status of a child, and what it said."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        code = 1
        try:
            os.close(reading)
            run(task, lambda **said: os.write(writing, json.dumps(said).encode() + b"\n"))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as lines:
        said = [json.loads(line) for line in lines]
    return os.waitpid(pid, 0)[1], {name: value for each in said for name, value in each.items()}
