"""Figures of a period, for the office: how much, what came back, and how long it took.

``buckets`` divides a period into days, months or years; ``counts`` counts documents and amounts in them, ``rates``
compares what was ordered with what came back, and ``days`` averages durations. ``sheet_rows`` lists all of them for a
file. The database computes everything; the number of rows that are read does not depend on the number of documents.
"""
