"""The answer to a customer who asked to be erased: what was erased, what stays, until when, and why."""

from __future__ import annotations

from django.utils import formats, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from stockhub_webhooks.models.personal import DOCUMENTS, retention_days
from stockhub_webhooks.operations.privacy.subjects import Subjects

LANGUAGES = ("nl", "en")


def answers(subjects: list[Subjects]) -> dict[str, str]:
    """Return the text by language. It names order numbers and nothing else of the customer."""
    return {language: answer(subjects, language) for language in LANGUAGES}


def answer(subjects: list[Subjects], language: str) -> str:
    """Return the text in one language, without a salutation."""
    orders = [row for each in subjects for row in each.rows]
    numbers = ", ".join(row.po_number or row.increment_id for row in orders)
    with translation.override(language):
        return "\n\n".join(_paragraphs(numbers, len(orders)))


def _paragraphs(numbers: str, count: int) -> list[str]:
    erased = ngettext(
        "At your request we have erased your personal data from the order %(numbers)s.",
        "At your request we have erased your personal data from the orders %(numbers)s.",
        count,
    ) % {"numbers": numbers}
    return [
        erased,
        _(
            "Erased are your name, address, e-mail address and telephone number, in the order and in all that belongs "
            "to it: shipments, returns, invoices, credit notes, payment requests, and the messages in which we "
            "received them."
        ),
        _(
            "What stays are the number, the articles, the amounts and the dates of the order. "
            "We need them for our books."
        ),
        _until(),
        _(
            "Backups that were made before today still hold your data until they are replaced. If one of them is ever "
            "restored, we erase your data again."
        ),
        _("Winkelstraat, the carrier and other parties keep records of their own. Please ask them yourself."),
        _("New orders that you place with us are new: we keep their data again."),
    ]


def _until() -> str:
    days = retention_days()[DOCUMENTS]
    if days is None:
        return _("They stay for as long as the law requires us to keep our books. They do not name you.")
    return _("They stay until %(days)s days after the last message about the order. They do not name you.") % {
        "days": formats.number_format(days, force_grouping=True)
    }
