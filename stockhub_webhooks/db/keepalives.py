"""TCP keepalives of the PostgreSQL server, so that it ends the sessions of a machine that died, and frees their locks.

A machine that loses its power or its network closes no connection. The server asks after two hours by default.
"""

from __future__ import annotations

# seconds before the first question, seconds between questions, and questions without an answer: 30 seconds in all
SETTINGS = {"tcp_keepalives_idle": 10, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 4}


def columns(*, is_local: bool) -> str:
    """Return what a SELECT must ask for to set the keepalives.

    Args:
        is_local: True for the present transaction alone, so that a pooler's other clients are not affected.
    """
    return ", ".join(f"set_config('{name}', '{value}', {is_local})" for name, value in SETTINGS.items())
