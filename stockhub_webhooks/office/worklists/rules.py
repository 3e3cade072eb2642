"""The rules of the worklists: a literal table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.conf import conf
from stockhub_webhooks.models import Document
from stockhub_webhooks.models.worklists import KINDS

VERSION = 1  # of the rules: a greater one looks through all documents anew, as at the first run


@dataclass(frozen=True)
class Rule:
    """A rule of the worklists.

    Attributes:
        code: a key of `DEADLINE_DAYS`.
        label: for people.
        default_days: calendar days since the condition began to hold.
        holds: the condition, for the documentation.
        begins: what says when it began to hold, for the documentation.
        keeps_since: True if a later sign of the same condition does not move its beginning.
        replaces: the rule that this one of a pull stands for.
        of_purchase: False if the rule is not judged from the documents of a purchase.
    """

    code: str
    label: Any
    default_days: float
    holds: str
    begins: str
    keeps_since: bool = False
    replaces: str = ""
    of_purchase: bool = True

    @property
    def days(self) -> float | None:
        """The days of the settings; None if the rule is off."""
        days = conf.DEADLINE_DAYS.get(self.code, self.default_days)
        if days is None:
            return None
        is_number = isinstance(days, (int, float)) and not isinstance(days, bool)
        return float(days) if is_number and days >= 0 else self.default_days

    @property
    def patience(self) -> timedelta | None:
        """The same as a timedelta."""
        return None if (days := self.days) is None else timedelta(days=days)


RULES: dict[str, Rule] = {
    rule.code: rule
    for rule in (
        Rule("not_sent", _("not sent"), 3, "pieces of an order are in no shipment", "the order's `created_at`"),
        Rule(
            "complete_without_shipment",
            _("complete without a shipment"),
            1,
            "an order is complete, and no shipment of it was received",
            "its `updated_at`",
            keeps_since=True,
        ),
        Rule(
            "silent_in_transit",
            _("no news of the parcel"),
            5,
            "a parcel left and is not delivered",
            "its newest `updated_at`",
        ),
        Rule(
            "problem_on_the_way",
            _("problem on the way"),
            0,
            "a parcel has the status EXCEPTION",
            "its `updated_at`",
            keeps_since=True,
        ),
        Rule(
            "return_not_answered",
            _("return without an answer"),
            3,
            "a return is pending",
            "`date_requested`",
            keeps_since=True,
        ),
        Rule(
            "return_not_credited",
            _("returned and not credited"),
            14,
            "pieces came back, and fewer were credited",
            "`date_received`",
            keeps_since=True,
        ),
        Rule(
            "cancelled_but_sent",
            _("cancelled, but sent"),
            0,
            "a cancelled order left, and no other order of the purchase needs its pieces",
            "the later of the two",
            keeps_since=True,
        ),
        Rule(
            "invoiced_not_shipped",
            _("invoiced and not sent"),
            3,
            "more pieces were invoiced than sent",
            "the first such invoice",
            keeps_since=True,
        ),
        Rule(
            "amounts_differ",
            _("amounts do not match"),
            1,
            "invoices exceed the order by more than 0.05, credit notes exceed what was invoiced, or a credit note "
            "exceeds its own parts by more than 0.01 a line",
            "the document that made it so",
            keeps_since=True,
        ),
        Rule(
            "pieces_differ",
            _("pieces do not match"),
            1,
            "more pieces were sent, returned or credited than ordered, or a complete order was sent in part",
            "the newest document",
            keeps_since=True,
        ),
        Rule(
            "order_missing",
            _("order not received"),
            1,
            "an order is known only from its children",
            "the first of them",
            keeps_since=True,
        ),
        Rule("not_in_shop", _("not in our shop"), 1, "`HOST_ORDER_RESOLVER` does not find it", "the first look"),
        Rule(
            "payment_open", _("payment open"), 2, "a payment request, and nothing of its order went on", "`created_at`"
        ),
        Rule(
            "missing_shipment",
            _("shipment not received"),
            1,
            "a pull says that it was sent, and no shipment came",
            "what the pull says",
            keeps_since=True,
            replaces="complete_without_shipment",
        ),
        Rule(
            "missing_invoice",
            _("invoice not received"),
            1,
            "a pull says that it was invoiced, and no invoice came",
            "what the pull says",
            keeps_since=True,
        ),
        Rule(
            "missing_credit_note",
            _("credit note not received"),
            14,
            "a pull says that a credit note is missing",
            "what the pull says",
            keeps_since=True,
            replaces="return_not_credited",
        ),
        Rule(
            "never_mentioned",
            _("unknown to Stock Hub"),
            2,
            "an order number of yours that Stock Hub does not know",
            "when it was first asked",
            keeps_since=True,
            of_purchase=False,
        ),
    )
}


def active() -> list[Rule]:
    """Return the rules that are not turned off, in the order of the table."""
    return [rule for rule in RULES.values() if rule.days is not None]


def unknown(codes: Iterable[str]) -> list[str]:
    """Return the keys of `DEADLINE_DAYS` that are no rule."""
    return sorted(set(map(str, codes)) - RULES.keys())


@dataclass(frozen=True)
class Finding:
    """A condition that holds for a document now.

    Attributes:
        rule: the code of the rule.
        document: the document, an unsaved number of ours excepted.
        since: when the condition began to hold, from the data; aware.
        detail: facts for `wording`, each with its `code`; JSON without personal data.
    """

    rule: str
    document: Document
    since: datetime
    detail: list[dict[str, Any]] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """The kind of the document, a key of `KINDS`."""
        return KIND_BY_MODEL[type(self.document)]

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What a row is unique by: account, kind, number and rule."""
        return self.document.account, self.kind, self.document.increment_id, self.rule


KIND_BY_MODEL: dict[type[Any], str] = {model: kind for kind, model in KINDS.items()}


def fingerprint(since: datetime, detail: Any, *others: Any) -> str:
    """Return a digest of the facts of a row."""
    text = json.dumps([since.isoformat(), detail, *others], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
