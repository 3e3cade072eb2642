"""`test_guides.py` copies the files of `guides` into a project, and runs them there."""

collect_ignore = ["guides"]
