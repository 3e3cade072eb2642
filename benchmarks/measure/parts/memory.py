"""Whether memory stays what it is, in web workers and in the worker."""

import time

from benchmarks.measure.findings import Findings
from benchmarks.measure.payload import PLACE, template
from benchmarks.measure.processes import memory_bytes
from benchmarks.measure.rounds import progress

SAMPLE_SECONDS = 0.5
# so many open messages, each of an order of its own; made by PostgreSQL itself
QUEUE = """
INSERT INTO stockhub_webhooks_message (uid, url_topic, topic, account, body, headers, key_fingerprint, remote_address,
    source, received_at, notes, attempts, due_at)
SELECT gen_random_uuid(), 'order', 'order', 'default', convert_to(replace('{body}', '{place}', n::text), 'UTF8'),
    '{{}}', '', '', 'webhook', now(), '[]', 0, now()
FROM generate_series(1, {number}) n
"""

DONE = "SELECT last_value FROM stockhub_webhooks_order_id_seq"  # each message makes an order; to count them takes long


def measure(bench):
    """First the web workers, then the worker."""
    web, drain = _web(bench), _drain(bench)
    values = {"web_memory": max(after / before for before, after in web["bytes"])}
    tenth = next(sample for sample in drain if sample["done"] >= bench.sizes.drained / 10)
    values["worker_memory"] = drain[-1]["bytes"] / tenth["bytes"]
    return Findings(values, runs={"web": web, "worker": drain})


def _web(bench):
    """The memory of each web worker (before, after), with the inline runner: the whole way."""
    bench.database("web_memory")
    with bench.serving(web=("web_memory", {"SPEED_RUNNER": "inline"})) as servers:
        server, sent = servers["web"], 0
        bench.warm(server)
        samples = []
        for aim in (bench.sizes.first_requests, bench.sizes.last_requests):
            while sent < aim:
                sent += bench.post(server, seconds=1 if aim - sent < 2000 else bench.sizes.seconds)["requests"]
                progress(f"memory of the web workers, {sent:,} messages")
            samples.append([memory_bytes(pid) for pid in server.workers])
    progress("")
    return {"requests": sent, "bytes": list(zip(*samples, strict=True))}


def _drain(bench):
    """The memory of a worker while it works off a long queue."""
    bench.database("queue")
    body = template().replace("'", "''")
    bench.sql("queue", QUEUE.format(body=body, place=PLACE, number=bench.sizes.queue))
    bench.sql("queue", "VACUUM ANALYZE stockhub_webhooks_message")
    process = bench.start("-m", "django", "stockhub_worker", "--once", database="queue")
    samples = []
    used = 0
    try:
        while True:
            alive = process.poll() is None
            used = memory_bytes(process.pid) or used  # what it used last, where it has just ended
            ((done,),) = bench.sql("queue", DONE)
            samples.append({"done": done, "bytes": used})
            progress(f"memory of the worker, {done:,} messages")
            if done >= bench.sizes.drained:
                break
            if not alive:
                raise RuntimeError(f"stockhub_worker ended with {process.returncode} after {done} messages")
            time.sleep(SAMPLE_SECONDS)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)
    progress("")
    return samples
