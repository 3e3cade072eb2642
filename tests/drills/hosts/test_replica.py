"""A streaming replica of PostgreSQL that routers read from, and that stands still: nothing of ours is read there."""

import pytest

from benchmarks.postgresql import PostgreSQL
from tests.hosts.run import result_of

pytestmark = [pytest.mark.hosts, pytest.mark.server, pytest.mark.postgresql, pytest.mark.timeout(300)]


def test_nothing_of_ours_is_read_from_a_replica_that_is_behind():
    with PostgreSQL(fsync="off") as primary, primary.replica() as replica:
        result = result_of("replica", primary.url, "tests.hosts.replica", REPLICA_URL=replica.url)
    assert result["is_behind"] == ["processing"]
    assert result["reads_of_the_shop"] > 0
    assert result["reads_of_ours"] == []
    assert result["wrong"] == {}
    assert set(result["answers"]) == {200, 406}
    assert result["rest"] == ["complete", 1, 1]
    assert result["seen"][-1] == ["complete", [True], [2, 0], [1]]
    assert result["calls"] == []
