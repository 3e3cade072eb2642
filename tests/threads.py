"""Connections of a thread that a test has started."""

from django.db import connections


def close_connections():
    """Close the connections of this thread, also one to a database in memory, which Django keeps open."""
    connections.close_all()
    for connection in connections.all(initialized_only=True):
        if connection.connection is not None:
            connection.connection.close()
