"""A shop whose query sets django-cacheops caches, with our tables left out as the documentation says."""

import pytest

from tests.hosts.run import result_of
from tests.processes import scratch_database
from tests.runners.conftest import redis  # noqa: F401, a fixture

pytestmark = [pytest.mark.hosts, pytest.mark.server]


def test_what_is_read_is_what_was_written(transactional_db, tmp_path, redis):  # noqa: F811
    with scratch_database(tmp_path) as url:
        result = result_of("cacheops", url, "tests.hosts.cached", REDIS_URL=redis.url)
    assert result == {
        "before": [[200], ["processing"], ["given_up"], [0]],
        "after": [[200], ["complete"], ["done"], [2]],
    }
