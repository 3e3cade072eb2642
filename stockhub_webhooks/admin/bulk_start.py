"""Start of a bulk request from another page: write the chosen rows down, and ask the user to confirm."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.models import ADDITION, LogEntry
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from stockhub_webhooks.admin.base import ReadOnlyAdmin, wake_on_commit
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import BulkRequest
from stockhub_webhooks.operations import bulk

AT_ONCE = 200  # rows that are done within the request of the user

CONFIRM_URL_NAME = "stockhub_webhooks_bulkrequest_confirm"
RESULT_URL_NAME = "stockhub_webhooks_bulkrequest_change"


def propose(
    page: ReadOnlyAdmin,
    request: HttpRequest,
    action: str,
    rows: QuerySet[Any],
    parameters: dict[str, Any] | None = None,
) -> HttpResponse | None:
    """Write the chosen rows down and redirect to the page that asks; None if the action is possible on none of them.

    Args:
        page: the admin that the request came to.
        request: the request of a user who has the permission for the action.
        action: a key of `bulk.ACTIONS`.
        rows: the chosen rows.
        parameters: what the action needs to know.
    """
    proposed = proposal_of(request, action, rows, parameters)
    if not proposed.total:
        proposed.delete()
        text = _("There is nothing to do: they are done, or under way.")
        page.message_user(request, text, messages.WARNING)
        return None
    return HttpResponseRedirect(page.page_url(CONFIRM_URL_NAME, proposed.pk))


def proposal_of(
    request: HttpRequest, action: str, rows: QuerySet[Any], parameters: dict[str, Any] | None = None
) -> BulkRequest:
    """Write the chosen rows down as a request of this user."""
    user: Any = request.user
    who = {"who": user.get_username(), "who_pk": str(user.pk)}
    return bulk.propose(action, rows.order_by(), parameters=parameters, **who)


def begin(page: ReadOnlyAdmin, request: HttpRequest, proposed: BulkRequest, reason: str) -> HttpResponse:
    """Confirm and log a proposed request, do it at once if it is small, and redirect to its page.

    A request that was confirmed before, such as by a double click, is left alone.
    """
    user: Any = request.user
    is_small = proposed.total <= AT_ONCE
    with transaction.atomic(using=database_alias()):
        who = {"who": user.get_username(), "who_pk": str(user.pk)}
        begun = bulk.confirm(proposed.pk, reason=reason, claimed=is_small, **who)
        if begun is not None:
            text = f"{begun.get_action_display()}: {begun.total}"
            LogEntry.objects.log_actions(user.pk, [begun], ADDITION, f"{text} ({reason})" if reason else text)
            wake_on_commit()
    if begun is not None and is_small:
        bulk.run_at_once(begun)
        wake_on_commit()
    return HttpResponseRedirect(page.page_url(RESULT_URL_NAME, proposed.pk))
