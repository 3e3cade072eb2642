"""How fast messages are answered, beside what a shop would write itself and what other packages do."""

from contextlib import contextmanager

from benchmarks.measure import peers
from benchmarks.measure.findings import Findings, errors_of
from benchmarks.measure.rounds import ratio, take_turns

# accept and inline have databases of their own: inline would take up what waits for a worker
SERVERS = {
    "accept": ("accept", {"SPEED_RUNNER": "worker"}),
    "inline": ("inline", {"SPEED_RUNNER": "inline"}),
    "base": ("base", {}),
}
ROWS = {
    "accept_rate": ("accept", "bare", "rate"),
    "accept_cpu": ("accept", "bare", "cpu"),
    "inline_rate": ("inline", "bare", "rate"),
    "inline_cpu": ("inline", "bare", "cpu"),
    "drf_rate": ("drf", "bare", "rate"),
}
PEERS_ROWS = {
    "accept_stripe": ("accept", "stripe_deferred", "rate"),
    "stripe_deferred_rate": ("stripe_deferred", "bare", "rate"),
    "stripe_rate": ("stripe", "bare", "rate"),
    "anymail_rate": ("anymail", "bare", "rate"),
}


def measure(bench):
    """All contestants take turns in the same rounds."""
    reason = peers.missing(bench.sizes)
    others = None if reason else peers.Peers(bench)
    with serving(bench, others.servers if others else {}) as servers:
        contestants = ours_and_baselines(bench, servers)
        if others:
            others.warm(servers)
            contestants |= others.contestants(servers)
        runs = take_turns(contestants, bench.sizes.rounds, "answers")
    rows = ROWS if reason else ROWS | PEERS_ROWS
    return Findings(
        values={key: ratio(runs, *between) for key, between in rows.items()},
        left_out=dict.fromkeys(PEERS_ROWS, reason) if reason else {},
        runs=runs,
        notes=errors_of(runs),
    )


def by_clients(bench):
    """The same without the peers, for each number of clients."""
    runs = {}
    with serving(bench) as servers:
        for number in bench.sizes.client_numbers:
            contestants = ours_and_baselines(bench, servers, clients=number)
            runs[str(number)] = take_turns(contestants, bench.sizes.rounds, f"{number} clients")
    notes = [f"{number} clients: {note}" for number, of_one in runs.items() for note in errors_of(of_one)]
    return Findings(runs=runs, notes=notes)


@contextmanager
def serving(bench, more=()):
    """Our servers and the baselines', answering."""
    for database, _ in SERVERS.values():
        bench.database(database)
    with bench.serving(**SERVERS, **dict(more)) as servers:
        bench.warm(servers["accept"])
        bench.warm(servers["inline"])
        bench.warm(servers["base"], "/bare")
        bench.warm(servers["base"], "/drf")
        yield servers


def ours_and_baselines(bench, servers, clients=None):
    """For `take_turns`."""
    return {
        "accept": lambda: bench.post(servers["accept"], clients=clients),
        "inline": lambda: bench.post(servers["inline"], clients=clients),
        "bare": lambda: bench.post(servers["base"], "/bare", clients=clients),
        "drf": lambda: bench.post(servers["base"], "/drf", clients=clients),
    }
