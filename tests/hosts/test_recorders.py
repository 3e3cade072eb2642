"""Sentry records errors, logs and requests of the door: it gets no key and no byte of a body."""

import pytest

from tests.conftest import KEY
from tests.hosts.run import result_of
from tests.processes import scratch_database

pytestmark = [pytest.mark.hosts, pytest.mark.server]
OPTIONS = [(), ("pii",), ("stack",), ("pii", "stack")]


@pytest.mark.parametrize("options", OPTIONS, ids="-".join)
@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_sentry_gets_no_key_and_no_body(gateway, options, transactional_db, tmp_path):
    with scratch_database(tmp_path) as url:
        result = result_of("sentry", url, "tests.hosts.record", gateway, *options)
    assert result["answers"] == [200, 406, 401, 503]
    everything = "\n".join(result["sent"])
    assert "LOST" in everything  # it does record
    assert "is given up" in everything
    assert '"type":"transaction"' in everything
    for secret in (KEY, "Testman", "Teststad", "example.com", "firstname", "1Z00AA"):
        assert secret not in everything, everything[
            max(0, everything.index(secret) - 600) : everything.index(secret) + 99
        ]
