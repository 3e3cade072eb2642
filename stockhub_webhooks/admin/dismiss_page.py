"""Dismissing messages that need attention: one, a selection, or all of one cause."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from stockhub_webhooks.admin.base import ReadOnlyAdmin
from stockhub_webhooks.admin.reason_page import Decision, ask_reason, selection
from stockhub_webhooks.models import Message
from stockhub_webhooks.models.message import IS_FAILING
from stockhub_webhooks.office.access import may
from stockhub_webhooks.receiving import dismissal

DISMISS = Decision(
    title=_("Dismiss"),
    explanation=ngettext_lazy(
        "%(count)d message is settled without being processed: what it says is in no order, and nobody is warned of it "
        "any more. The message itself is kept.",
        "%(count)d messages are settled without being processed: what they say is in no order, and nobody is warned of "
        "them any more. The messages themselves are kept.",
        "count",
    ),
    done=ngettext_lazy("%(count)d message was dismissed.", "%(count)d messages were dismissed.", "count"),
    nothing=_("None of these messages needs attention."),
    log=_("dismissed: %(reason)s"),
    change=dismissal.dismiss_by_hand,
)


class DismissPage(ReadOnlyAdmin):
    """Adds the action "dismiss" to the admin of messages."""

    def has_dismiss_permission(self, request: HttpRequest) -> bool:
        """Check a permission of its own, because a dismissed message raises no alarm and is never processed."""
        return may(request, "dismiss")

    @admin.action(description=_("dismiss …"), permissions=["dismiss"])
    def dismiss(self, request: HttpRequest, queryset: QuerySet[Message]) -> HttpResponse:
        """Ask for a reason, and dismiss those of the chosen messages that need attention."""
        return dismiss_all(self, request, queryset, hidden=selection(request), back=request.get_full_path())


def dismiss_all(
    page: ReadOnlyAdmin,
    request: HttpRequest,
    rows: QuerySet[Message],
    *,
    hidden: Iterable[tuple[str, str]],
    back: str,
    what: str = "",
) -> HttpResponse:
    """Ask for a reason, and dismiss those of the messages that need attention; see `ask_reason`."""
    undecided = rows.filter(IS_FAILING)
    return ask_reason(page, request, undecided, DISMISS, hidden=hidden, back=back, what=what)
