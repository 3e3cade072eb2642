"""django-silk, which reads requests before the views: all messages come in, and as advised it keeps none of them."""

import pytest

from stockhub_webhooks.contract import topics
from tests.conftest import KEY
from tests.hosts.run import result_of
from tests.processes import scratch_database

pytestmark = [pytest.mark.hosts, pytest.mark.server]
OF_CUSTOMERS = ("Testman", "Teststad", "example.com", "1Z00AA")


@pytest.mark.parametrize("advised", [{}, {"SILK_AS_ADVISED": "1"}], ids=["by itself", "as advised"])
def test_all_messages_come_in_and_silk_keeps_what_it_may(transactional_db, tmp_path, advised):
    with scratch_database(tmp_path) as url:
        result = result_of("silk", url, "tests.hosts.silk", **advised)
    assert set(result["answers"]) == {200}
    assert result["settled"] == sorted([topic, "applied"] for topic in (*topics.ALL, topics.INVOICE))
    assert "/login/" in result["requests"]
    kept = {secret for secret in (KEY, "of-a-customer", *OF_CUSTOMERS) if secret in result["kept"]}
    assert kept == (set() if advised else {KEY, *OF_CUSTOMERS}), kept
