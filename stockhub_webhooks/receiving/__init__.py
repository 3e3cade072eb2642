"""Receive messages: from the request to a row of the journal, or a file of the spool.

The path of a request, in this order: ``incoming`` (key, headers and body of the request), ``authentication``,
``journal`` (or ``spool``, if the database is down), ``answers``. A refused request goes to ``refusals`` instead, which
counts it and may keep its body (``refused_bodies``, ``eviction``, ``slow_senders``). ``kept_fields`` names what is kept
of a request, ``spool_owner`` the database of a spooled one; ``sentry_filter`` keeps keys out of Sentry.

The life of a stored message: ``claiming`` decides which process applies it, and ``transitions``, ``dismissal`` and
``body_removal`` change its status.

Other ways in: ``spool_import``, and ``ingest`` with ``records`` (lines of JSON). ``journal_copy`` and ``recent`` are
for a database that is restored from an older backup.
"""
