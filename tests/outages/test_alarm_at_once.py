"""Several processes check at the same moment, and one mail is sent."""

import pytest

pytestmark = pytest.mark.server
BREAK = (
    "[Message.objects.create(url_topic='order', account='default', body=b'{', status='quarantined', error='not_json') "
    "for _ in range(2)] and 1"
)
CHECK = """
import os, time, django; django.setup()
from stockhub_webhooks.operations.health import alarm
alarm.CHECK_SECONDS = 0.0  # each process checks each time
while not os.path.exists(os.environ["SHOP_START_FILE"]):
    time.sleep(0.005)
for _ in range(5):
    alarm.check()
"""


def test_four_processes_that_find_the_same_problem_send_one_mail(shop):
    start, mails = shop.folder / "start", shop.folder / "mails"
    shop.environment |= {
        "SHOP_START_FILE": str(start),
        "SHOP_MAILS": str(mails),
        "SHOP_ALERT": "tests.outages.mails.write_down",
    }
    assert shop.query(BREAK) == 1
    processes = [shop.start("-c", CHECK) for _ in range(4)]
    start.touch()
    for process in processes:
        out, errors = process.communicate(timeout=100)
        assert (process.returncode, out) == (0, ""), errors
        assert "Error" not in errors
    assert len(mails.read_text().splitlines()) == 1
    assert shop.query("[(a.name, a.told_at is None) for a in Alarm.objects.filter(since__isnull=False)]") == [
        ("quarantined", False)
    ]
