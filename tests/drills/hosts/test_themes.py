"""Themes of the admin by other people: each page of ours opens."""

import pytest

from tests.hosts.run import result_of
from tests.processes import scratch_database

pytestmark = [pytest.mark.hosts, pytest.mark.server]


@pytest.mark.parametrize("theme", ["unfold", "jazzmin"])
def test_each_page_opens(theme, transactional_db, tmp_path):
    with scratch_database(tmp_path) as url:
        result = result_of(theme, url, "tests.hosts.crawl")
    assert result["wrong"] == {}
    assert result["opened"] > 40
