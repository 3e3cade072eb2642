"""Pausing and resuming a receiver on the page of the receivers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from stockhub_webhooks.admin.base import wake_on_commit
from stockhub_webhooks.admin.give_up_page import GiveUpPage
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.delivery import breaker
from stockhub_webhooks.models import ReceiverCall
from stockhub_webhooks.office.access import may

RECEIVERS_URL_NAME = "stockhub_webhooks_receivercall_receivers"


class PauseForm(forms.Form):
    """Form for the reason and the end of a pause."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"class": "vLargeTextField", "rows": 3}),
        help_text=gettext_lazy("It is kept with the receiver and in the log of the admin."),
    )
    until = forms.DateTimeField(
        label=gettext_lazy("Until"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        help_text=gettext_lazy("Empty: until somebody resumes it."),
    )

    def clean_until(self) -> Any:
        """Refuse an end that is over."""
        until = self.cleaned_data["until"]
        if until and until <= timezone.now():
            raise forms.ValidationError(_("This time is over already."))
        return until


class PausePage(GiveUpPage):
    """Adds the pages that pause and resume a receiver."""

    def get_urls(self) -> list[Any]:
        """Add the two pages."""
        view = self.admin_site.admin_view
        return [
            path("receivers/pause/", view(self.pause_view), name=f"{RECEIVERS_URL_NAME}_pause"),
            path("receivers/resume/", view(self.resume_view), name=f"{RECEIVERS_URL_NAME}_resume"),
            *super().get_urls(),
        ]

    def pause_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a reason; with a valid one, pause the receiver."""
        if (refusal := self._refuse(request)) is not None:
            return refusal
        receiver, back = request.POST.get("receiver", ""), self.page_url(RECEIVERS_URL_NAME)
        if receiver not in breaker.known_names():
            self.message_user(request, _("This receiver is not known."), messages.ERROR)
            return HttpResponseRedirect(back)
        form = PauseForm(request.POST if "reason" in request.POST else None)
        if not form.is_valid():
            context = {"title": _("Pause"), "form": form, "receiver": receiver, "back": back}
            return self.render_page(request, "receivercall/pause.html", context)
        reason = form.cleaned_data["reason"]
        with transaction.atomic(using=database_alias()):
            by = request.user.get_username()
            breaker.pause(receiver, until=form.cleaned_data["until"], by=by, reason=reason)
            log(request.user, _("paused"), f"{receiver}: {reason}")
        text = _("The receiver %(receiver)s is paused; its tasks wait.") % {"receiver": receiver}
        self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(back)

    def resume_view(self, request: HttpRequest) -> HttpResponse:
        """Resume a receiver that is paused or away."""
        if (refusal := self._refuse(request)) is not None:
            return refusal
        receiver = request.POST.get("receiver", "")
        with transaction.atomic(using=database_alias()):
            is_resumed = breaker.resume(receiver)
            if is_resumed:
                log(request.user, _("resumed"), receiver)
                wake_on_commit()
        if is_resumed:
            text = _("The receiver %(receiver)s is resumed; its waiting tasks are due.") % {"receiver": receiver}
            self.message_user(request, text, messages.SUCCESS)
        else:
            self.message_user(request, _("It was neither paused nor away."), messages.WARNING)
        return HttpResponseRedirect(self.page_url(RECEIVERS_URL_NAME))

    def _refuse(self, request: HttpRequest) -> HttpResponse | None:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not (may(request, "pause_receiver") and self.has_view_permission(request)):
            raise PermissionDenied
        return None


def log(user: Any, what: str, text: str) -> None:
    """Write an action on all tasks of a receiver to Django's admin log."""
    LogEntry.objects.create(
        user_id=user.pk,
        content_type_id=ContentType.objects.get_for_model(ReceiverCall).pk,
        object_id=None,
        object_repr=what,
        action_flag=CHANGE,
        change_message=text,
    )
