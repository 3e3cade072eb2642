"""A process that starts: how many milliseconds `django.setup()` takes, with the parts of DRF that any API loads."""

import time

BEGAN = time.perf_counter()

import django

django.setup()


print((time.perf_counter() - BEGAN) * 1000)
