"""Processes killed and connections cut at points that a seed chooses: nothing is lost, nothing takes effect twice."""

import os
import random

import pytest

from tests.kills import breakages
from tests.kills.surroundings import prepare

pytestmark = [pytest.mark.server, pytest.mark.timeout(400)]  # a machine may be busy
SEED = int(os.environ.get("STOCKHUB_KILLS_SEED", random.SystemRandom().randrange(10**6)))


@pytest.fixture
def killed(shop):
    """Return a function that runs `tests.kills` on a shop, and returns its output."""
    prepare(shop)

    def run(*arguments, code=0):
        return shop.run("-m", "tests.kills", *arguments, "--seed", str(SEED), code=code)

    return run


def test_process_killed_at_any_point_loses_nothing_and_repeats_nothing(killed):
    assert "0 faults" in killed("kills", "--count", "24")


@pytest.mark.postgresql
@pytest.mark.mariadb
def test_connection_cut_at_any_round_loses_nothing_and_repeats_nothing(killed):
    assert "0 faults" in killed("cuts", "--count", "14")


@pytest.mark.sqlite
def test_a_fault_that_is_put_into_the_app_is_found_by_kills(killed):
    """One of them each time, all in the drill."""
    names = sorted(breakages.BY_NAME)
    for name in names if "STOCKHUB_DRILL" in os.environ else random.Random(SEED).sample(names, 1):
        assert "FAULT" in killed("kills", "--count", "1000", "--break", name, code=1)
