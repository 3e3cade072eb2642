"""Each page, answer and command with an order of ten thousand lines and more; prints the seconds that each took."""

import os
import time

import pytest

from tests.security import large
from tests.security.doors import doors

COUNT = int(os.environ.get("STOCKHUB_ENDLESS", "10000"))
SECONDS = 2.0


@pytest.mark.django_db(databases="__all__")
@pytest.mark.parametrize("one_sku", [True, False], ids=["one SKU", "all different"])
def test_every_page_answers_within_two_seconds(staff, settings, one_sku):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
    begun = time.perf_counter()
    large.fill(COUNT, one_sku=one_sku)
    print(f"\n{COUNT} of everything, {'one SKU' if one_sku else 'all different'}: {time.perf_counter() - begun:.1f} s")
    slow = []
    for name, door in doors(staff):
        if os.environ.get("ONLY", "") not in name:
            continue
        begun = time.perf_counter()
        try:
            shown = door()
        except Exception as e:
            print("FAIL", name, type(e), str(e)[:300])
            shown = ""
        seconds = time.perf_counter() - begun
        if seconds > 0.3 or len(shown) > 300_000:
            print(f"{seconds:7.2f} s {len(shown) / 1000:9.0f} kB  {name}", flush=True)
        if seconds > SECONDS:
            slow.append(name)
    assert not slow
