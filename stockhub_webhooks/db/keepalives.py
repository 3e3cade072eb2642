"""TCP keepalives of the PostgreSQL server, so that it soon ends the sessions of a dead machine, and frees their locks.

A machine that loses its power or its network closes no connection. By default, the server notices after two hours.
"""

from __future__ import annotations

# seconds before the first probe, seconds between two probes, and unanswered probes: 30 seconds in all
SETTINGS = {"tcp_keepalives_idle": 10, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 4}


def columns(*, is_local: bool) -> str:
    """Return the columns of a SELECT that sets the keepalives.

    Args:
        is_local: True to set them for the current transaction only, so that other clients of a pooler are not affected.
    """
    return ", ".join(f"set_config('{name}', '{value}', {is_local})" for name, value in SETTINGS.items())
