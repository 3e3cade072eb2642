"""Receives the webhooks of Winkelstraat.nl's Stock Hub and tells the shop about them, safely.

What we answered 2xx is never lost, twice is once, older never overwrites newer, and the shop's own
code is asked until it has done its work. A message walks through these modules, in this order::

    urls            which address speaks of which topic
    views           the door: one POST in, one answer out
    authentication  whose key is it
    journal         the exact bytes, committed before anything is believed (or spool, when the database is away)
    unspooling      from the spool into the journal, once the database is back
    refusals        who was not let in: counted, and perhaps kept
    serializers     tolerant parsing: bytes to a ParsedMessage, with notes on odd details
    apply           a Reading to rows, newer wins, and the events in it
    ledger          events, and one receiver call owed per event, signal and receiver
    host_orders     whether the shop has the order: asked outside the request, and kept
    telling         each receiver call, until it is done or given up
    signals         what the shop connects its receivers to

What comes by hand instead goes from ``ingest`` (``records`` are its lines) into the journal, and on from there.
``prune`` takes away what came in as a test.

Stored messages are gone through again by ``replay``, which shows first what that would do.

``pipeline.process`` is read, apply and record in one screen. ``worker`` finishes whatever is open,
``runners`` decide who starts it; ``health`` says whether all is well, and tells somebody when it is not; ``story``
says what became of a purchase, to ``admin`` and to ``templatetags`` for the shop's own pages.
``search`` and ``export`` are for the office.
``samples`` makes messages up: ``testing`` delivers them in the shop's own tests, ``simulator`` over HTTP.
``metrics`` are numbers for Prometheus, where the shop asks for them.
``openapi`` describes what is received, ``rest`` shows what is kept to a shop without pages of its own.
``topics``, ``statuses``, ``exceptions``, ``logs`` and ``conf`` is what it rests on; ``models`` and ``admin`` have one
file a subject. Importing this package imports nothing else.
"""

__version__ = "0.1.0"
