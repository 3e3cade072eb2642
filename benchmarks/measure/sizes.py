"""How much of everything: the real measurement, and a minute's worth that only shows that it runs."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Sizes:
    """Numbers of things, seconds of time."""

    rounds: int = 5
    seconds: int = 4
    clients: int = 8
    client_numbers: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    peers: bool = True
    # tables
    nearly_empty: int = 1000
    messages: int = 1_000_000
    table_sizes: tuple[int, ...] = (0, 100_000, 300_000, 1_000_000)
    # what runs without a server
    slice_seconds: float = 0.5
    orders_a_round: int = 200
    shared_messages: int = 2000
    starts: int = 15
    # memory
    first_requests: int = 1000
    last_requests: int = 100_000
    queue: int = 1_000_000
    drained: int = 100_000
    # storms
    backlog: int = 4000
    backlog_seconds: int = 10
    burst_clients: int = 256
    peak_rate: int = 100
    peak_minutes: float = 5.0
    peak_workers: int = 1


FULL = Sizes()
SMOKE = replace(
    FULL,
    rounds=1,
    seconds=1,
    client_numbers=(1, 8),
    peers=False,
    nearly_empty=400,
    messages=800,
    table_sizes=(0, 800),
    slice_seconds=0.02,
    orders_a_round=5,
    shared_messages=40,
    starts=1,
    first_requests=10,
    last_requests=50,
    queue=60,
    drained=30,
    backlog=40,
    backlog_seconds=1,
    burst_clients=32,
    peak_rate=20,
    peak_minutes=0.05,
)
