"""The page "not proceeding": what waits for a person, by rule, with the question to ask Winkelstraat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.views.main import ChangeList
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, StreamingHttpResponse
from django.urls import path
from django.utils.html import format_html
from django.utils.text import capfirst, slugify
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from stockhub_webhooks.admin import display, search_box
from stockhub_webhooks.admin.base import ReadOnlyAdmin
from stockhub_webhooks.admin.reason_page import MAX_AT_ONCE, Decision, ask_reason, selection
from stockhub_webhooks.admin.story.links import link, story_url
from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import WorklistRow
from stockhub_webhooks.models.worklists import KINDS
from stockhub_webhooks.office.access import may, may_see_persons
from stockhub_webhooks.office.export import sheet
from stockhub_webhooks.office.stub_addresses import addresses_of_rows
from stockhub_webhooks.office.worklists import lists, rows, wording
from stockhub_webhooks.office.worklists.rules import RULES

EXPORT = "stockhub_webhooks_worklistrow_export"
DISMISS = Decision(
    title=_("Dismiss"),
    explanation=ngettext_lazy(
        "%(count)d row leaves the list, until something changes in its facts.",
        "%(count)d rows leave the list, until something changes in their facts.",
        "count",
    ),
    done=ngettext_lazy(
        "%(count)d row was dismissed until something changes.",
        "%(count)d rows were dismissed until something changes.",
        "count",
    ),
    nothing=_("There is nothing to dismiss: it is on no list."),
    log=_("dismissed: %(reason)s"),
    change=rows.dismiss,
)


class RuleFilter(admin.SimpleListFilter):
    """Filter by rule; the tabs above the list do the same."""

    title = _("what does not proceed")
    parameter_name = "rule"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(code, rule.label) for code, rule in RULES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(rule=self.value()) if self.value() else queryset


class StateFilter(admin.SimpleListFilter):
    """Filter by state; the default is what is on the lists now."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        states = (WorklistRow.Status.DISMISSED, WorklistRow.Status.WAITING, WorklistRow.Status.ENDED)
        return [(state.value, state.label) for state in states]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        default, *others = super().choices(changelist)
        yield {**default, "display": WorklistRow.Status.OPEN.label}  # Django would call it "All"
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found: Any = queryset
        chosen: QuerySet[Any] = found.real().filter(status=self.value()) if self.value() else found & rows.open_rows()
        return chosen


@admin.register(WorklistRow)
class WorklistRowAdmin(ReadOnlyAdmin):
    """Admin of what does not proceed."""

    list_display = ("days", "purchase", "about", "what_is_missing", "customer", "ask")
    list_display_links = ("days",)
    list_filter = (RuleFilter, StateFilter)
    counted_as = (_("case"), _("cases"))
    sortable_by: ClassVar[Any] = ("days", "purchase", "about")  # these have an index
    ordering: ClassVar[Any] = ("since", "pk")
    actions = ("dismiss_worklist_row",)
    personal_fields = {"customer": "", "dismissed_reason": ""}
    optional_fields = ("ended_at", "dismissed_by", "dismissed_at", "dismissed_reason")
    fieldsets = (
        (None, {"fields": [("what", "state", "days"), ("purchase", "about"), "account", "customer", "missing"]}),
        (None, {"fields": [("since", "opened_at", "ended_at"), ("dismissed_by", "dismissed_at"), "dismissed_reason"]}),
        (_("Copy for Winkelstraat"), {"fields": ["message_to_copy"]}),
    )

    class Media:
        css = {"all": ["stockhub_webhooks/worklist.css"]}

    # ------------------------------------------------------------ the list

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        related = ("order", "order__shipping_address", "order__billing_address")
        return super().get_queryset(request).select_related(*related).defer("order__extra")

    def complete_rows(self, request: HttpRequest, rows: Sequence[WorklistRow]) -> None:
        """Set the addresses that other documents name, where there is no order, or it was not received."""
        if may_see_persons(request):
            found = addresses_of_rows(rows)
            for row in rows:
                row.child_address = found.get(row.pk)  # type: ignore[attr-defined]

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        """Return a condition on the keys of the rows that are found, since each way to find one has its own index."""
        numbers = search_box.spellings(text)
        orders = search_box.find(request, text, (topics.ORDER,)).pks(topics.ORDER)
        every = WorklistRow.objects.using(database_alias()).order_by().values_list("pk", flat=True)
        indexed = every.filter(status__in=WorklistRow.Status.values)
        found = every.filter(order__in=orders).union(
            indexed.filter(number__in=numbers), indexed.filter(po_number__in=numbers)
        )
        return Q(pk__in=list(found))

    def get_urls(self) -> list[Any]:
        return [path("export/", self.admin_site.admin_view(self.export_view), name=EXPORT), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the list, with a tab for each rule that has rows."""
        chosen = request.GET.get("rule", "")
        url = self.page_url("stockhub_webhooks_worklistrow_changelist")
        tabs = [
            {"url": f"{url}?{urlencode({'rule': tab.rule})}", "tab": tab, "is_chosen": tab.rule == chosen}
            for tab in (lists.tabs() if self.has_view_permission(request) else [])
        ]
        context = {
            "tabs": tabs,
            "all_url": url,
            "chosen_rule": chosen,
            "export_url": self.page_url(EXPORT) if self.has_export_permission(request) else "",
        }
        return super().changelist_view(request, context | (extra_context or {}))

    # ------------------------------------------------------------ columns and lines

    @admin.display(description=_("days"), ordering="-since")
    def days(self, row: WorklistRow) -> int:
        """Return the days since it began."""
        return wording.days(row)

    @admin.display(description=_("purchase"), ordering="po_number")
    def purchase(self, row: WorklistRow) -> Any:
        """Return our order number, or else Stock Hub's, as a link to the story."""
        number = row.po_number or (row.order.increment_id if row.order else row.number)
        return link(story_url(self.admin_site, row.order), number) if row.order else number

    @admin.display(description=_("document"), ordering="number")
    def about(self, row: WorklistRow) -> Any:
        """Return a link to the document."""
        model = KINDS.get(row.kind)
        if model is None or row.subject_id is None:
            return wording.subject(row)
        url = self.page_url(f"stockhub_webhooks_{model._meta.model_name}_change", row.subject_id)
        return link(url, wording.subject(row))

    @admin.display(description=_("what does not proceed"))
    def what(self, row: WorklistRow) -> str:
        """Return the rule in words."""
        return wording.rule_name(row.rule)

    @admin.display(description=_("what does not proceed"))
    def what_is_missing(self, row: WorklistRow) -> Any:
        """Return the rule in words, and below it a line for each fact."""
        return display.multiline([format_html("<strong>{}</strong>", self.what(row)), *wording.missing(row)])

    @admin.display(description=_("state"))
    def state(self, row: WorklistRow) -> str:
        """Return the state in words."""
        return str(row.get_status_display())

    @admin.display(description=_("customer"))
    def customer(self, row: WorklistRow) -> str:
        """Return the name of the recipient; without an order that was received, the one that a document names."""
        known = vars(row)  # a list read it for all of its rows
        found = known["child_address"] if "child_address" in known else addresses_of_rows([row]).get(row.pk)
        own = (row.order.shipping_address or row.order.billing_address) if row.order else None
        return display.customer_of_stub(found) or display.customer(own)

    @admin.display(description=_("what is missing"))
    def missing(self, row: WorklistRow) -> Any:
        """Return a line for each fact."""
        return display.multiline(wording.missing(row))

    @admin.display(description=_("question for Winkelstraat"))
    def ask(self, row: WorklistRow) -> Any:
        """Return the question, which opens to the text to copy."""
        return format_html(
            "<details><summary>{}</summary>{}</details>", wording.question(row), self.message_to_copy(row)
        )

    @admin.display(description=_("support message"))
    def message_to_copy(self, row: WorklistRow) -> Any:
        """Return the text with a button that copies it."""
        return format_html(
            '<textarea id="stockhub-ask-{0}" class="vLargeTextField" rows="7" readonly aria-label="{1}">{2}</textarea>'
            '<p><button type="button" class="button" data-stockhub-copy="stockhub-ask-{0}" data-done="{3}" '
            'data-selected="{4}" hidden>{5}</button> <span role="status"></span></p>',
            row.pk,
            _("Copy for Winkelstraat"),
            wording.support_message(row),
            _("Copied."),
            _("Selected: press Ctrl+C to copy."),
            _("Copy"),
        )

    def title_of(self, row: WorklistRow) -> str:
        """Return the rule and the document in words."""
        return f"{capfirst(wording.rule_name(row.rule))}: {wording.subject(row)}"

    # ------------------------------------------------------------ dismiss

    def has_dismiss_worklist_row_permission(self, request: HttpRequest) -> bool:
        """Check a permission of its own: what is dismissed is on no list any more."""
        return may(request, "dismiss_worklist_row")

    @admin.action(description=_("dismiss until something changes …"), permissions=["dismiss_worklist_row"])
    def dismiss_worklist_row(self, request: HttpRequest, queryset: QuerySet[WorklistRow]) -> HttpResponse:
        """Ask for a reason, and dismiss the chosen rows that are on the lists."""
        chosen = WorklistRow.objects.using(database_alias()).filter(status=WorklistRow.Status.OPEN)
        chosen = chosen.filter(pk__in=list(queryset.values_list("pk", flat=True)[:MAX_AT_ONCE]))
        return ask_reason(self, request, chosen, DISMISS, hidden=selection(request), back=request.get_full_path())

    # ------------------------------------------------------------ export

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Check a permission of its own, because the file can leave the shop."""
        return may(request, "export_worklist") and self.has_view_permission(request)

    def export_view(self, request: HttpRequest) -> Any:
        """Return the rows of a rule, or of all, as CSV."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_export_permission(request):
            raise PermissionDenied
        rule = request.POST.get("rule", "")
        rule = rule if rule in RULES else ""
        user: Any = request.user
        LogEntry.objects.create(
            user_id=user.pk,
            content_type_id=ContentType.objects.get_for_model(WorklistRow).pk,
            object_id=None,
            object_repr=str(self.opts.verbose_name_plural)[:200],
            action_flag=CHANGE,
            change_message=str(_("exported: %(what)s") % {"what": wording.rule_name(rule) or _("all")}),
        )
        lines = sheet.lines(lists.exported(rule))
        answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{_file_name(rule)}.csv"'
        answer["X-Content-Type-Options"] = "nosniff"
        return answer


def _file_name(rule: str) -> str:
    """Return the name of the file without its ending, in the active language."""
    names = map(str, (WorklistRow._meta.verbose_name_plural, wording.rule_name(rule)))
    return "-".join(filter(None, map(slugify, names))) or "worklist"
