"""Health: the state of the app, its problems, and the alarm about them.

``collect`` counts and reads the tables into a ``report``; ``work`` holds the querysets that it counts, which the admin
lists too. ``rules`` derive the ``problems`` from a report, with ``silence`` for the opening hours. ``report_text``
formats both for `stockhub_status`, and ``alarm`` sends signals and mails about new problems. ``attention``, ``hours``
and ``failure_groups`` serve the admin: conditions to check, messages by hour, and failures by cause.

Parts of a report: ``failing`` receivers, ``locked`` rows, ``refusals``, ``spool_files``, and ``write_probe`` (does the
database take writes). ``kept_report`` is for monitors that ask often. ``alarm_thread`` calls the alarm functions, and
``site_url`` makes the links in mails.
"""
