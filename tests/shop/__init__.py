"""A shop that listens, for tests with real processes: its receivers write down what they hear."""

import os

if "SHOP_BROKER" in os.environ:  # as Celery's documentation has it, and only where it is asked for
    from tests.shop.celery_app import app as celery_app

    __all__ = ["celery_app"]
