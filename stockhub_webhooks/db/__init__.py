"""Access to the database.

Connections: ``connections`` (alias, clock, retries, transactions), ``timeouts``, ``faults``, ``keepalives``,
``transaction_guard`` (what the shop's code does to our transaction).

Kept statements, whose text is not built again each time: ``statements`` (text), ``cursors`` (execution),
``prepared_statements``, ``writes`` (INSERT, UPDATE, locking SELECT) and ``selections`` (queries). ``insert_selected``
and ``sequences`` insert rows, too.

Claimed work and locks: ``leases``, ``row_locks``, ``low_water``; ``throttle`` for pauses inside one process.

Tables: ``fields``, ``indexes``, ``collation``, ``durations``, ``deletion`` (of rows that have one of two owners) and
``operations`` (of migrations). ``error_reports`` keeps queries out of error pages.
"""
