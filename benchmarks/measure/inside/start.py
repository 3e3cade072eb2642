"""A process that starts: how many milliseconds `django.setup()` takes, with the parts of DRF that any API loads.

They count in both, for it makes no difference to a shop with an API whether we load them or the shop itself.
"""

import time

BEGAN = time.perf_counter()

import django

django.setup()

import rest_framework.serializers
import rest_framework.views  # noqa: F401 - what is measured is that it is loaded

print((time.perf_counter() - BEGAN) * 1000)
