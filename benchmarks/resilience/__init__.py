"""The parts of `benchmarks/chaos.py`.

``contestants`` are the systems under test: a shop with this app, and procrastinate (``jobs``). ``stage`` starts one of
them on a PostgreSQL of its own, keeps it busy and measures it. ``scenarios`` are the nine that have a goal, ``drills``
the others. ``table`` holds a result against its goal and prints it.
"""
