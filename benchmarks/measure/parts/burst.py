"""Many senders at the same moment: none may be turned away."""

from benchmarks.measure.findings import Findings
from benchmarks.measure.parts.answers import SERVERS
from benchmarks.measure.rounds import take_turns


def measure(bench):
    """Far more connections than threads, with either runner."""
    ours = {name: SERVERS[name] for name in ("accept", "inline")}
    for name in ours:
        bench.database(name)
    with bench.serving(**ours) as servers:
        contestants = {
            name: lambda server=server: bench.post(server, clients=bench.sizes.burst_clients)
            for name, server in servers.items()
        }
        runs = take_turns(contestants, bench.sizes.rounds, "burst")
    errors = sum(run["errors"] for of_one in runs.values() for run in of_one)
    return Findings({"burst": errors}, runs=runs)
