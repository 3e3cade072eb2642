"""Drills take long, so they are collected only if `run.py drills` runs them."""

import os

collect_ignore_glob = [] if "STOCKHUB_DRILL" in os.environ else ["*"]
