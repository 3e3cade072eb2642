"""Claims on messages keep the sequence in which the messages came in."""

import pytest

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Message
from stockhub_webhooks.receiving import claiming
from tests.samples import sample

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def five(post, settings):
    """Store five messages that nobody has applied, and return their primary keys."""
    settings.STOCKHUB_WEBHOOKS = {**settings.STOCKHUB_WEBHOOKS, "RUNNER": "worker"}
    for number in range(5):
        assert post("order", sample("order", increment_id=f"00000000{number}")).status_code == 202
    return list(Message.objects.using(database_alias()).order_by("pk").values_list("pk", flat=True))


def test_messages_that_were_claimed_and_not_begun_keep_their_places(five):
    claims = claiming.claim_due(batch=3)
    begun = next(iter(next(claims)))
    assert begun.pk == five[0]
    claims.close()
    (claim, *_others) = [[message.pk for message in claim] for claim in claiming.claim_due()]
    assert claim == five[1:]
