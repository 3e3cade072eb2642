"""A piece of Black Friday: messages come at a steady pace, whatever we do, and the worker runs behind them.

The pace is that of the real hour and the time is shorter; what would wait after an hour follows from the worker's pace.
"""

import itertools
import json
import random
import statistics
import threading
import time

from benchmarks.load import PATH
from benchmarks.measure.bench import HEADERS
from benchmarks.measure.findings import Findings
from benchmarks.measure.rounds import progress
from stockhub_webhooks.testing.samples import LIVES, life

SENDERS = 16
LIVES_AT_ONCE = 300
CATCH_UP_SECONDS = 1800
OPEN = "SELECT count(*) FROM stockhub_webhooks_message WHERE due_at IS NOT NULL"


def measure(bench):
    """The answers' times, how much waited each second, and how long it took until nothing did."""
    sizes = bench.sizes
    bench.database("peak")
    messages = list(itertools.islice(mixed_lives(random.Random(7)), round(sizes.peak_rate * 60 * sizes.peak_minutes)))
    workers = []
    with bench.serving(peak=("peak", {"SPEED_RUNNER": "worker"})) as servers:
        bench.warm(servers["peak"])
        bench.sql("peak", "TRUNCATE stockhub_webhooks_message CASCADE")
        try:
            for _ in range(sizes.peak_workers):
                workers.append(bench.start("-m", "django", "stockhub_worker", database="peak", SPEED_RECEIVER=1))
            answers, waiting, catch_up = _play(bench, servers["peak"], messages)
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait(60)
    return _found(sizes, answers, waiting, catch_up)


def mixed_lives(chance):
    """(topic, body) of many orders' whole lives at a time, each life in its sequence, without end."""
    seeds = itertools.count(1)

    def begin():
        seed = next(seeds)
        return iter(life(chance.choice(sorted(LIVES)), seed))

    under_way = [begin() for _ in range(LIVES_AT_ONCE)]
    while True:
        which = chance.randrange(LIVES_AT_ONCE)
        step = next(under_way[which], None)
        if step is None:
            under_way[which] = begin()
        else:
            yield step.topic, json.dumps(step.payload).encode()


class Senders:
    """Threads that send message number n at its own time, n ÷ pace seconds after the first.

    A time is counted from when the message was to be sent: what had to wait for a thread counts too.
    """

    def __init__(self, post, messages, rate):
        self.post, self.messages, self.rate = post, messages, rate
        self.answers = []
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._began = 0.0
        self._threads = [threading.Thread(target=self._send_on, daemon=True) for _ in range(SENDERS)]

    def start(self):
        """Now."""
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()

    @property
    def at_work(self):
        """Whether there is more to send."""
        return any(thread.is_alive() for thread in self._threads)

    def _send_on(self):
        send = self.post()
        while True:
            with self._lock:
                number = next(self._numbers)
            if number >= len(self.messages):
                return
            due = self._began + number / self.rate
            time.sleep(max(0.0, due - time.monotonic()))
            status = send(*self.messages[number])
            self.answers.append({"status": status, "milliseconds": (time.monotonic() - due) * 1000})


def _play(bench, server, messages):
    senders = Senders(lambda: server.sender(PATH, HEADERS), messages, bench.sizes.peak_rate)
    waiting, began, sent_at = [], time.monotonic(), None
    senders.start()
    while True:
        ((left,),) = bench.sql("peak", OPEN)
        now = time.monotonic() - began
        waiting.append([round(now, 1), left])
        progress(f"peak: {len(senders.answers):,} of {len(messages):,} sent, {left:,} wait")
        if not senders.at_work:
            sent_at = sent_at or now
            if not left:
                break
            if now - sent_at > CATCH_UP_SECONDS:
                raise RuntimeError(f"{left} messages wait half an hour after the last")
        time.sleep(min(1.0, bench.sizes.peak_minutes * 6))
    progress("")
    return senders.answers, waiting, time.monotonic() - began - sent_at


def _found(sizes, answers, waiting, catch_up):
    times = sorted(answer["milliseconds"] for answer in answers)
    refused = sum(answer["status"] != 202 for answer in answers)
    p99 = times[int(len(times) * 0.99)]
    most = max(left for _, left in waiting)
    half = statistics.median(times)
    note = (
        f"peak: {len(answers):,} messages at {sizes.peak_rate} a second, {sizes.peak_workers} worker(s): half were "
        f"answered within {half:.1f} ms, 99 of 100 within {p99:.1f} ms, {refused} not accepted; at most {most:,} "
        f"waited to be applied, and none did {catch_up:.0f} s after the last came in"
    )
    figures = {
        "p50": statistics.median(times),
        "p99": p99,
        "refused": refused,
        "most_waiting": most,
        "catch_up": catch_up,
    }
    return Findings(runs={"figures": figures, "waiting": waiting}, notes=[note])
