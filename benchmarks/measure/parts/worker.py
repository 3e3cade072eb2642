"""How fast a worker catches up, and what a second one adds."""

import time
from contextlib import ExitStack

from benchmarks.measure.findings import Findings
from benchmarks.measure.rounds import ratio, take_turns


def measure(bench):
    """One process beside `get_or_create`, then one and two processes on the same queue."""
    bench.database("worker")
    with ExitStack() as stack:
        processes = [stack.enter_context(bench.talk("worker", "worker")) for _ in range(2)]
        alone = _beside_row_by_row(bench, processes[0])
        together = _one_and_two(bench, processes)
    values = {"worker": ratio(alone, "ours", "by_row", "rate"), "two_workers": ratio(together, "two", "one", "rate")}
    return Findings(values, runs={"alone": alone, "together": together})


def _beside_row_by_row(bench, process):
    """New orders, as many for either; the first round only fills caches."""
    number = bench.sizes.orders_a_round

    def ours():
        process.ask(deed="enter", messages=number)
        return process.ask(deed="drain")

    contestants = {"ours": ours, "by_row": lambda: process.ask(deed="by_row", messages=number)}
    take_turns(contestants, 1, "worker, to warm up")
    return take_turns(contestants, bench.sizes.rounds, "worker")


def _one_and_two(bench, processes):
    def drain(number):
        processes[0].ask(deed="enter", messages=bench.sizes.shared_messages)
        began = time.perf_counter()
        for process in processes[:number]:
            process.tell(deed="drain")
        done = sum(process.hear()["done"] for process in processes[:number])
        return {"done": done, "rate": done / (time.perf_counter() - began)}

    return take_turns({"one": lambda: drain(1), "two": lambda: drain(2)}, bench.sizes.rounds, "workers")
