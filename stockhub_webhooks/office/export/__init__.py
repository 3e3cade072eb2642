"""Orders and what belongs to them as tables for the bookkeeper.

``periods`` is from when to when, ``tables`` which columns each kind of document has, ``rows`` reads them in chunks,
``sheet`` writes them so that a Dutch Excel opens them.
"""
