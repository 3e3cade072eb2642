"""What is missing, as text with a mail that asks Winkelstraat for it, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from stockhub_webhooks.contract.statuses import Labels
from stockhub_webhooks.models import RMA
from stockhub_webhooks.office.worklists import gaps
from stockhub_webhooks.office.worklists.gaps import Gap
from stockhub_webhooks.visible import isolated

TITLES: Labels = {
    gaps.MISSING_SHIPMENT: gettext_lazy("Sent according to Stock Hub, but we have no shipment message:"),
    gaps.MISSING_INVOICE: gettext_lazy("Invoiced according to Stock Hub, but we have no invoice message:"),
    gaps.MISSING_CREDIT_NOTE: gettext_lazy("Returned or closed, but we have no credit memo message:"),
    gaps.NEVER_MENTIONED: gettext_lazy("Our orders that Stock Hub does not know:"),
}


def rows(account: str) -> list[Gap]:
    """Return the gaps of an account, by rule and then by time."""
    return sorted(gaps.gaps(account), key=lambda gap: (gaps.RULES.index(gap.rule), gap.since))


def as_json(account: str, found: Iterable[Gap]) -> dict[str, Any]:
    """Return the report for `json.dumps`."""
    found = list(found)
    return {
        "account": account,
        "gaps": [
            {
                "rule": gap.rule,
                "kind": _kind(gap),
                "number": gap.document.increment_id if gap.document else "",
                "po_number": gap.po_number or "",
                "since": gap.since.isoformat(),
                "detail": gap.detail,
            }
            for gap in found
        ],
        "support_message": support_message(found),
    }


def as_text(found: Iterable[Gap]) -> str:
    """Return the report for a terminal: a line for each gap, then the mail."""
    found = list(found)
    lines = [f"{gap.rule}: {name(gap)} ({since(gap)})" for gap in found]
    return "\n".join([*lines, f"missing: {len(found)}", *(["", support_message(found)] if found else [])])


def support_message(found: Iterable[Gap]) -> str:
    """Return the mail to Winkelstraat in the active language, "" if nothing is missing. It names no customer."""
    found = list(found)
    if not found:
        return ""
    parts = [
        _("Dear Winkelstraat,"),
        _("These Stock Hub messages did not reach us. Please send them again, or as JSON by mail."),
        *("\n".join(_paragraph(rule, found)) for rule in gaps.RULES if any(gap.rule == rule for gap in found)),
    ]
    return isolated("\n\n".join(parts) + "\n")


def _paragraph(rule: str, found: list[Gap]) -> Iterator[str]:
    yield str(TITLES[rule])
    for gap in found:
        if gap.rule == rule:
            yield f"- {name(gap)}"


def name(gap: Gap) -> str:
    """Return the numbers of a gap, in the active language."""
    parts = []
    if isinstance(gap.document, RMA):
        parts.append(_("return %(number)s") % {"number": gap.document.increment_id})
        parts.append(_("order %(number)s") % {"number": gap.document.order.increment_id})
    elif gap.document:
        parts.append(_("order %(number)s") % {"number": gap.document.increment_id})
    if gap.po_number:
        parts.append(_("our order number %(number)s") % {"number": gap.po_number})
    if gap.detail.get("known"):
        total = gap.detail.get("ordered") or gap.detail.get("returned")
        parts.append(_("%(known)s of %(total)s pieces are known") % {"known": gap.detail["known"], "total": total})
    return ", ".join(parts)


def since(gap: Gap) -> str:
    """Return the day since when it is missing, in the host's time zone."""
    return timezone.localtime(gap.since).date().isoformat()


def _kind(gap: Gap) -> str:
    return gap.document._meta.model_name or "" if gap.document else ""
