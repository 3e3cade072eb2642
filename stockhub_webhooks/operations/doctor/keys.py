"""Creation of a strong key, which is printed once, and neither stored nor logged; the keys that are there."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from stockhub_webhooks.conf import conf
from stockhub_webhooks.operations.doctor.findings import Verdict, problem, warning

KEY_BYTES = 32


@sensitive_variables()
def new_key() -> str:
    """Return 256 random bits as letters, digits, - and _, beginning with a letter or digit."""
    while not (key := secrets.token_urlsafe(KEY_BYTES))[0].isalnum():
        pass
    return key


def lines() -> Iterator[str]:
    """Yield a new key, and instructions."""
    yield f"  {new_key()}"
    yield ""
    yield "  " + _("It is shown this once, and kept nowhere. Put it where your secrets are, such as .env:")
    yield "    STOCKHUB_API_KEY=…"
    yield "  " + _("and name that in STOCKHUB_WEBHOOKS:")
    if any(conf.accounts()[account] for account in conf.real_accounts()):
        yield '    "API_KEYS": [os.environ["STOCKHUB_OLD_API_KEY"], os.environ["STOCKHUB_API_KEY"]]'
        yield "  " + _("There is a key in use: keep both until stockhub_status shows the new one, then remove the old.")
    else:
        yield '    "API_KEYS": os.environ["STOCKHUB_API_KEY"]'
    yield "  " + _("Restart the server. Give Winkelstraat the key through another channel than the mail below.")


def real_key() -> tuple[str, str]:
    """Return the first real account with a key, and this key; two empty strings if there is none."""
    accounts = conf.accounts()
    return next(((account, accounts[account][0]) for account in conf.real_accounts() if accounts[account]), ("", ""))


def missing(*, live: bool) -> Verdict:
    """Return the finding that there is no key to examine an address with."""
    if live:
        return problem("no_key", _("There is no key, so nobody is let in."), _("Make one with --new-key."))
    return warning(
        "no_test_key",
        _('No message was posted: there is no key of the account "test".'),
        _(
            "Make a key with --new-key, and write %(example)s: with it, what comes all the way is tried without a "
            "trace in your orders."
        )
        % {"example": '"API_KEYS": {"default": …, "test": …}'},
    )
