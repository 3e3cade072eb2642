"""What dj-stripe must know before it takes a message: an account, its key, and the address that is called."""

import sys

import django

django.setup()

from djstripe.models import Account, APIKey, WebhookEndpoint


def seed(endpoint, secret):
    """Make them where they are missing."""
    data = {"id": "acct_measured", "object": "account", "livemode": False, "settings": {}}
    account, _ = Account.objects.get_or_create(id="acct_measured", defaults={"livemode": False, "stripe_data": data})
    APIKey.objects.get_or_create(
        secret="sk_test_0000measured0000000000000000",
        defaults={"type": "secret", "livemode": False, "djstripe_owner_account": account, "id": "mk_measured"},
    )
    WebhookEndpoint.objects.get_or_create(
        djstripe_uuid=endpoint,
        defaults={
            "id": "we_measured",
            "url": "http://127.0.0.1/",
            "secret": secret,
            "djstripe_tolerance": 32000,
            "djstripe_validation_method": "verify_signature",
            "livemode": False,
            "enabled_events": ["*"],
            "status": "enabled",
            "api_version": "2026-05-27.dahlia",
            "djstripe_owner_account": account,
        },
    )


if __name__ == "__main__":
    seed(*sys.argv[1:])
