"""What `benchmarks/speed.py` consists of.

``parts`` has one module for each thing that is measured, ``inside`` the programs that run with Django in processes of
their own. ``site`` is the project that is measured: our app, and beside it ``baselines`` and the ``peers``. ``bench``
is the place where all this runs; it rests on ``servers``, ``load`` (wrk, and ``post.lua``), ``processes`` (CPU time and
memory), ``conversation`` and ``payload``. ``rounds`` lets the contestants take turns, ``goals`` says what is to be
reached, ``report`` prints and keeps what was, and ``plots`` draws it.
"""
