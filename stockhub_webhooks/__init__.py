"""Receive the webhooks of Winkelstraat.nl's Stock Hub in a Django shop.

A message that was answered with 2xx is never lost, a duplicate has no effect, an older message never overwrites a newer
one, and each receiver of the shop is called until it succeeds. A message takes this path::

    urls, views     one POST in, one answer out
    receiving       authentication, journal (or spool, if the database is down), refusals
    serializers     tolerant parsing: bytes to a ParsedMessage, with notes on odd details
    processing      pipeline and apply: newer wins, and the events in it
    delivery        events, one receiver call for each event, signal and receiver, and the calls themselves
    signals         the signals that the shop connects its receivers to

``runners`` start the work, ``operations.worker`` finishes whatever is open. ``operations`` also holds health, checks,
doctor, replay and prune, and ``management`` its commands; ``purchases`` adds up the orders of one purchase, ``office``
has the facts for people, ``admin`` and ``templatetags`` the pages. ``standby`` keeps messages while the shop's server
is down. ``contrib`` is optional: REST API, OpenAPI, metrics. ``testing`` and ``pytest_plugin`` are for the tests of the
shop. ``contract``, ``db``, ``models``, ``conf``, ``exceptions``, ``logs`` and ``visible`` (text from outside, made safe
to show) are the ground that all of it stands on, and ``apps`` starts it. docs/how-it-works.md tells more.

Importing this package imports nothing else.
"""

__version__ = "0.1.0"
