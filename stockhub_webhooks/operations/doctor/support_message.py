"""The mail that activates the webhooks. It never contains the key, so a leaked mail reveals no secret."""

from __future__ import annotations

from django.utils.translation import gettext as _

from stockhub_webhooks.contract import topics

WIDTH = 23


def activation(prefix: str) -> str:
    """Return the mail in the active language; `prefix` is the common beginning of the six URLs, with a final slash."""
    return "\n".join(
        [
            _("Dear Winkelstraat,"),
            "",
            _("Please activate the Stock Hub webhooks for our account, with these addresses:"),
            "",
            *(f"  {name:<{WIDTH}}{prefix}{topic}" for topic, name in _names().items()),
            "",
            _("If only one address is possible: %(address)s (with the slash at the end)") % {"address": prefix},
            "",
            _("We send you the secret for the x-api-key header separately. May we ask:"),
            "",
            *(f"  {number}. {question}" for number, question in enumerate(_questions(), 1)),
        ]
    )


def _names() -> dict[str, str]:
    """Return the topics in the words of Winkelstraat, which differ from those of the admin."""
    return {
        topics.ORDER: _("order"),
        topics.SHIPMENT: _("shipment"),
        topics.INVOICE: _("invoice"),
        topics.RMA: _("return (RMA)"),
        topics.CREDIT_MEMO: _("credit memo"),
        topics.PAYMENT_REQUEST: _("payment request"),
    }


def _questions() -> tuple[str, ...]:
    return (
        _("Do you send order and payment request events too?"),
        _("How long do you wait for our answer?"),
        _("From which addresses do you send?"),
        _("Whom do we call when messages were missed?"),
    )
