"""Search, story and export: facts for the pages of the office, without HTML.

``search`` finds documents, ``unprocessed`` messages without one, and ``stub_addresses`` customers of unknown orders.
``story`` is one purchase, ``worklists`` what does not proceed, ``returns`` the list of returns, ``figures`` a period,
``export`` a file, ``notes`` the notes of colleagues. ``access`` checks permissions and ``groups`` makes groups of them;
``host_number`` is the number under which Stock Hub knows an order of the shop.
"""
