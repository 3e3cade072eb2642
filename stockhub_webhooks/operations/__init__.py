"""Everything that keeps a shop running: the worker, what watches it, and what an operator or the office starts.

``worker`` does whatever is due, under ``supervision``; ``once`` limits the processes that cron starts, and
``search_index`` is part of the work.
``checks`` examine the settings, ``doctor`` an installation, ``health`` the running app; ``drift`` and ``key_rotation``
count what changed at the sender.

``work_requests`` are carried out in the background: ``replay``, ``reconcile``, ``bulk``, ``exports``. ``release`` lets
refused messages in. ``privacy`` shows and erases persons, ``prune`` removes the test account's rows, and ``uninstall``
everything. ``dates`` reads the times in commands.
"""
