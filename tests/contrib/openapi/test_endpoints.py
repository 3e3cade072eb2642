"""What the description says is what the real door does: schemathesis looks for a difference."""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from stockhub_webhooks.contrib.openapi import document
from tests.conftest import KEY, PREFIX
from tests.host.wsgi import application

# hundreds of requests: once is enough, not with every database, Python and Django
pytestmark = [pytest.mark.server, pytest.mark.sqlite]
schema = schemathesis.openapi.from_dict(document())
schema.app = application
# the same ones each time: what fails here must fail for everybody
few = settings(max_examples=2, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def judge(case, *excluded):
    """Send it; every check of schemathesis, among them: no 5xx, no undescribed answer, nothing let in without the key.

    But one: a body of another kind than described is taken and noted, as the description says.
    """
    case.call_and_validate(headers={"x-api-key": KEY}, excluded_checks=[negative_data_rejection, *excluded])


@schema.exclude(path=PREFIX).parametrize()
@few
def test_each_address_does_what_is_described(case, transactional_db):
    judge(case)


# not every message of a topic shows by its shape what it is, which the shared address needs
@schema.include(path=PREFIX).parametrize()
@few
def test_the_shared_address_does_what_is_described(case, transactional_db):
    judge(case, positive_data_acceptance)
