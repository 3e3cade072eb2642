"""Giving up tasks of our shop for good; the page asks for a reason."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from stockhub_webhooks.admin.base import ReadOnlyAdmin
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.delivery import manual
from stockhub_webhooks.models import ReceiverCall
from stockhub_webhooks.office.access import may

MAX_AT_ONCE = 10_000
ACTION_FIELDS = ("action", ACTION_CHECKBOX_NAME, "select_across")  # of the action form of a changelist
GIVEN_UP = ngettext_lazy("%(count)d task was given up.", "%(count)d tasks were given up.", "count")


class ReasonForm(forms.Form):
    """Form for the reason, which is stored with the task and in the admin log."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"class": "vLargeTextField", "rows": 3}),
        help_text=_("It is kept with each task and in the log of the admin."),
    )


class GiveUpPage(ReadOnlyAdmin):
    """Adds the action "give up" to the admin of tasks, also for pages that give up a whole group of tasks."""

    def has_give_up_permission(self, request: HttpRequest) -> bool:
        """Check a permission of its own, because tasks that a person gave up raise no alarm."""
        return may(request, "give_up")

    @admin.action(description=_("give up …"), permissions=["give_up"])
    def give_up(self, request: HttpRequest, queryset: QuerySet[ReceiverCall]) -> HttpResponse:
        """Ask for a reason, and give up the chosen tasks that are not done."""
        hidden = [(name, value) for name in ACTION_FIELDS for value in request.POST.getlist(name)]
        return self.give_up_all(request, queryset, hidden, request.get_full_path())

    def give_up_all(
        self,
        request: HttpRequest,
        rows: QuerySet[ReceiverCall],
        hidden: Iterable[tuple[str, str]],
        back: str,
        what: str = "",
    ) -> HttpResponse:
        """Ask for the reason; with a valid one, give the tasks up and redirect to `back`.

        Tasks that are done, running or already given up by hand stay as they are.

        Args:
            request: the request; without a valid reason in it, the form is shown.
            rows: the tasks.
            hidden: fields that the form sends again, so that the next request selects the same tasks.
            back: URL of the page to return to.
            what: what the tasks have in common, shown on the page.
        """
        unfinished = rows.filter(status__in=(ReceiverCall.Status.PENDING, ReceiverCall.Status.GIVEN_UP))
        unfinished = unfinished.exclude(cause=ReceiverCall.BY_HAND)
        if not (count := unfinished.count()):
            text = _("There is nothing to give up: they are done, running or given up.")
            self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(back)
        form = ReasonForm(request.POST if "reason" in request.POST else None)
        if form.is_valid():
            reason = form.cleaned_data["reason"]
            chosen = ReceiverCall.objects.using(database_alias()).filter(
                pk__in=list(unfinished.values_list("pk", flat=True)[:MAX_AT_ONCE])
            )
            description = str(_("given up: %(reason)s") % {"reason": reason})
            count = self.apply_and_log(request, chosen, description, partial(manual.give_up_by_hand, reason=reason))
            self.report_counts(request, count, GIVEN_UP)
            return HttpResponseRedirect(back)
        context = {
            "title": _("Give up"),
            "form": form,
            "count": count,
            "what": what,
            "hidden": list(hidden),
            "back": back,
        }
        return self.render_page(request, "receivercall/give_up.html", context)
