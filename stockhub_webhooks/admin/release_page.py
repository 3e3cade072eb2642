"""The page that lets refused messages in: what they would change, what is unusual about them, and a reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import display
from stockhub_webhooks.admin.base import ObjectTools
from stockhub_webhooks.admin.bulk_start import begin, proposal_of
from stockhub_webhooks.admin.refused_groups import RELEASE as URL_NAME
from stockhub_webhooks.admin.refused_groups import RefusedGroupsPage
from stockhub_webhooks.admin.replay_request import MAX_IDS, ids_in, outside_transactions, row_of
from stockhub_webhooks.conf import conf
from stockhub_webhooks.contract.statuses import Labels
from stockhub_webhooks.models import BulkRequest, RefusedBody
from stockhub_webhooks.office.access import may, may_see_persons
from stockhub_webhooks.operations import release

WARNINGS: Labels = {
    release.CHANGES_PROVED: _("It would change an order that came with a key."),
    release.ADDRESS: _("No accepted message came from this address."),
    release.AGENT: _("No accepted message was sent by this program."),
    release.NOTHING_ACCEPTED: _("No message was accepted yet, so there is nothing to compare it with."),
}


class ReleaseForm(forms.Form):
    """Form for the account of the messages, if there are several, and the reason."""

    account = forms.ChoiceField(label=_("account"))
    reason = forms.CharField(
        label=_("reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"class": "vLargeTextField", "rows": 2}),
        help_text=_("It is kept in the log of the admin."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        accounts = conf.real_accounts() or list(conf.accounts())
        if len(accounts) > 1:
            account: Any = self.fields["account"]
            account.choices = [(name, name) for name in accounts]
            account.widget = forms.HiddenInput()  # it is chosen before the preview
        else:
            del self.fields["account"]
        for field in self.fields.values():
            field.label = capfirst(str(field.label))


class ReleasePage(RefusedGroupsPage):
    """Adds to the admin of refused messages the page that lets them in, and the action that leads there."""

    def has_release_permission(self, request: HttpRequest) -> bool:
        """Check a permission of its own, because nothing proves that these messages are from Stock Hub."""
        return may(request, "release")

    def get_urls(self) -> list[Any]:
        view = outside_transactions(self.admin_site.admin_view(self.release_view))
        return [path("release/", view, name=URL_NAME), *super().get_urls()]

    def changelist_object_tools(self, request: HttpRequest) -> ObjectTools:
        may_decide = self.has_release_permission(request) or self.has_dismiss_refused_permission(request)
        own = [(self.page_url(URL_NAME), _("refused messages, by key"))] if may_decide else []
        return [*own, *super().changelist_object_tools(request)]

    @admin.action(description=_("let in after all …"), permissions=["release"])
    def release(self, request: HttpRequest, queryset: QuerySet[RefusedBody]) -> HttpResponse | None:
        """Redirect to the page that shows what the chosen messages would change."""
        undecided = queryset.filter(message=None, dismissed_at=None)
        pks = sorted(undecided.values_list("pk", flat=True)[: MAX_IDS + 1])
        if pks and len(pks) <= MAX_IDS:
            return HttpResponseRedirect(f"{self.page_url(URL_NAME)}?ids={','.join(map(str, pks))}")
        too_many = _("These are too many at once: choose at most %(most)d.") % {"most": MAX_IDS}
        self.message_user(request, too_many if pks else _("These were let in or dismissed already."), messages.WARNING)
        return None

    # ------------------------------------------------------------ the page

    def release_view(self, request: HttpRequest) -> HttpResponse:
        """Show the groups; of chosen messages what they would change; if confirmed, let them in."""
        may_release = self.has_release_permission(request)
        if not self.has_view_permission(request) or not (may_release or self.has_dismiss_refused_permission(request)):
            raise PermissionDenied
        chosen = chosen_bodies(request)
        if chosen is None:
            return self.render_page(request, "refusedbody/groups.html", self.groups_context(request))
        if not may_release:
            raise PermissionDenied
        accounts = conf.real_accounts() or list(conf.accounts())
        account = request.GET.get("account", "") if len(accounts) > 1 else next(iter(accounts), "")
        form = ReleaseForm(request.POST or None, initial={"account": account})
        if request.method == "POST" and form.is_valid():
            return self.let_in(request, chosen, form.cleaned_data.get("account", account), form.cleaned_data["reason"])
        previews = release.preview(chosen, account) if account in accounts else []
        context = {
            "title": _("Let in after all"),
            "form": form,
            "account": account,
            "accounts": [] if account in accounts else accounts,
            "hidden": [(name, value) for name, value in request.GET.items() if name != "account"],
            "sections": sections(previews, persons=may_see_persons(request)),
            "count": len(chosen),
        }
        return self.render_page(request, "refusedbody/release.html", context)

    def let_in(self, request: HttpRequest, chosen: list[RefusedBody], account: str, reason: str) -> HttpResponse:
        """Let the messages in that were not yet, log it with the reason, and show what became of them."""
        rows = release.waiting().filter(pk__in=[row.pk for row in chosen])
        proposed = proposal_of(request, BulkRequest.Action.RELEASE, rows, {"account": account})
        if proposed.total:
            return begin(self, request, proposed, reason)
        proposed.delete()
        self.message_user(request, _("These were let in or dismissed already."), messages.WARNING)
        return HttpResponseRedirect(self.page_url("stockhub_webhooks_refusedbody_changelist"))


def chosen_bodies(request: HttpRequest) -> list[RefusedBody] | None:
    """Return the bodies that the address names, by keys or by group; None if it names none."""
    rows = release.waiting().order_by("refused_at", "pk")
    if ids := ids_in(request.GET.get("ids", "")):
        return list(rows.filter(pk__in=ids[:MAX_IDS]))
    newest = ids_in(request.GET.get("newest", ""))
    if not newest:
        return None
    key, network = (request.GET.get(name, "") for name in ("key", "network"))
    # later messages were not shown
    return list(rows.of_sender(key, network).filter(pk__lte=newest[0])[:MAX_IDS])


def sections(previews: list[release.ReleasePreview], *, persons: bool) -> list[dict[str, Any]]:
    """Return a table for each key and address."""
    by_sender: dict[tuple[str, str], list[release.ReleasePreview]] = {}
    for preview in previews:
        by_sender.setdefault((preview.kept.key_fingerprint, preview.kept.remote_address), []).append(preview)
    return [
        {
            "key": key or _("none"),
            "address": address or display.EMPTY,
            "agents": sorted({each.kept.headers.get("user-agent", "") or display.EMPTY for each in members}),
            "rows": list(rows_of(members, persons=persons)),
        }
        for (key, address), members in by_sender.items()
    ]


def rows_of(previews: list[release.ReleasePreview], *, persons: bool) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table: the refused message, its expected result, its changes and the warnings."""
    for preview in previews:
        yield {
            **row_of(preview.message, preview.step, persons=persons),
            "message": display.page(preview.kept, display.value(preview.kept.refused_at)),
            "what": f"{preview.kept.get_topic_display()} {preview.kept.increment_id}",
            "warnings": [WARNINGS[warning] for warning in preview.warnings],
        }
