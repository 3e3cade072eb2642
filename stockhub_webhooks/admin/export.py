"""The page "export": choose documents and a period, see the totals, and download the file."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.urls import path
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import display, labels
from stockhub_webhooks.admin.base import ReadOnlyAdmin
from stockhub_webhooks.admin.export_file import Sent, file_name, make_in_background
from stockhub_webhooks.admin.export_link import URL_NAME, several_accounts
from stockhub_webhooks.contract import statuses, topics
from stockhub_webhooks.office.access import may, may_see_persons
from stockhub_webhooks.office.export import periods, sheet, workbook
from stockhub_webhooks.office.export.periods import Period
from stockhub_webhooks.office.export.rows import Export
from stockhub_webhooks.office.export.tables import TABLES
from stockhub_webhooks.operations import exports

DAY_WIDGET = {"type": "date"}
DAYS = frozenset({"first", "last"})
BETWEEN = ".."  # the two days of a period


class ExportForm(forms.Form):
    """Form for the table, the period and the columns of an export."""

    topic = forms.ChoiceField(label=_("what"))
    by_line = forms.ChoiceField(
        label=_("rows"),
        choices=[("", _("one row a document, with its amounts")), ("yes", _("one row a line, with its article"))],
        required=False,
    )
    account = forms.ChoiceField(label=_("account"), required=False)
    status = forms.MultipleChoiceField(label=_("only with status"), widget=forms.CheckboxSelectMultiple)
    of = forms.CharField(widget=forms.HiddenInput)  # the topic that the statuses are of
    first = forms.DateField(label=_("from"), widget=forms.DateInput(DAY_WIDGET, format="%Y-%m-%d"))
    last = forms.DateField(label=_("up to and including"), widget=forms.DateInput(DAY_WIDGET, format="%Y-%m-%d"))

    def __init__(self, *args: Any, choices: list[str], chosen: list[str], **options: Any) -> None:
        super().__init__(*args, **options)
        choice: Any = self.fields["topic"]
        choice.choices = [(topic, capfirst(str(TABLES[topic].model._meta.verbose_name_plural))) for topic in choices]
        if accounts := several_accounts():
            account: Any = self.fields["account"]
            account.choices = [("", _("all of them")), *((name, labels.account(name)) for name in accounts)]
        else:
            del self.fields["account"]
        if chosen:
            status: Any = self.fields["status"]
            by_code = labels.CODES.get(f"{options['initial']['topic']}.status", {})
            status.choices = [(code, capfirst(statuses.label(by_code, code))) for code in chosen]
        else:
            del self.fields["status"], self.fields["of"]
        for field in self.fields.values():
            field.label = capfirst(str(field.label))

    def clean(self) -> dict[str, Any]:
        """Check the order of the days."""
        values = self.cleaned_data
        first, last = values.get("first"), values.get("last")
        if first and last and not periods.is_period(first, last):
            self.add_error("last", _("The last day is before the first."))
        return values

    def export(self, *, with_persons: bool) -> Export:
        """Return the chosen export."""
        values = self.cleaned_data
        period = Period(values["first"], values["last"])
        return Export(
            TABLES[values["topic"]],
            period,
            bool(values["by_line"]),
            with_persons,
            statuses=tuple(values.get("status", ())),
            account=values.get("account", ""),
        )

    def hidden_values(self) -> list[tuple[str, str]]:
        """Return names and values for a form that sends the same choice again."""
        return [
            (name, str(value))
            for name, values in self.cleaned_data.items()
            for value in (values if isinstance(values, list) else [values])
        ]


class ExportPage(ReadOnlyAdmin):
    """Adds the page "export" to the admin of orders."""

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Check a permission of its own, because the file can leave the shop."""
        return may(request, "export")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.export_view)
        return [path("export/", view, name=URL_NAME), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Show the page, or return the file if it is requested."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        data = request.POST if request.method == "POST" else with_period(request.GET)
        is_filled_in = bool(DAYS & data.keys())
        initial = proposed() | {name: data[name] for name in ("topic", "by_line", "of", "account") if name in data}
        chosen = data.getlist("status") if data.get("of") == initial["topic"] else []
        initial["status"] = chosen
        form = ExportForm(
            data if is_filled_in else None, initial=initial, choices=self.exportable(request), chosen=chosen
        )
        if not (is_filled_in and form.is_valid()):
            return self.export_page(request, form)
        export = form.export(with_persons=may_see_persons(request))
        if request.method == "POST":
            if (total := export.count()) > exports.LARGE:
                return make_in_background(self, request, export, total)
            return download(export, Sent(request, export), as_workbook=request.POST.get("format") == "xlsx")
        return self.export_page(request, form, export)

    def exportable(self, request: HttpRequest) -> list[str]:
        """Return the topics whose documents the user may view."""
        pages = {topic: self.admin_site._registry.get(table.model) for topic, table in TABLES.items()}
        return [topic for topic, page in pages.items() if page and page.has_view_permission(request)]

    def export_page(self, request: HttpRequest, form: ExportForm, export: Export | None = None) -> HttpResponse:
        """Show the form, the usual periods, and the totals of the chosen documents."""
        totals = export.totals() if export else []
        context = {
            "title": _("Export"),
            "form": form,
            "with_persons": may_see_persons(request),
            "usual": [
                (capfirst(str(name)), f"{period.first}{BETWEEN}{period.last}")
                for name, period in periods.usual(periods.today())
            ],
            "export": export,
            "heads": heads(export) if export else [],
            "has_workbook": workbook.is_available(),
            "extra": "django-stockhub-webhooks[xlsx]",
            "is_large": sum(total["documents"] for total in totals) > exports.LARGE,
            "totals": [cells(export, total) for total in totals] if export else [],
        }
        return self.render_page(request, "export.html", context)


def proposed() -> dict[str, Any]:
    """Return the initial values of the form: the orders of the last quarter."""
    period = periods.last_quarter(periods.today())
    return {"topic": topics.ORDER, "by_line": "", "first": period.first, "last": period.last}


def with_period(parameters: QueryDict) -> QueryDict:
    """Return the parameters with the days of the button for a usual period, if one was pressed."""
    first, between, last = parameters.get("period", "").partition(BETWEEN)
    if not between:
        return parameters
    changed = parameters.copy()
    changed["first"], changed["last"] = first, last
    return changed


def heads(export: Export) -> list[str]:
    """Return the heads of the table of totals."""
    amounts = [export.table.model._meta.get_field(name).verbose_name for name in export.table.amounts]
    return [capfirst(str(name)) for name in (_("currency"), _("documents"), *amounts)]


def cells(export: Export, total: dict[str, Any]) -> list[Any]:
    """Return a row of the table of totals."""
    amounts = [display.money(total[name], total["currency"]) for name in export.table.amounts]
    return [total["currency"] or display.EMPTY, display.value(total["documents"]), *amounts]


def download(export: Export, sent: Sent, *, as_workbook: bool) -> StreamingHttpResponse:
    """Return the file as a stream; its rows are read after the end of the request's transaction.

    It is CSV also if a workbook is requested and the extra `xlsx` is not installed. `sent` logs what was really sent.
    """
    rows, name = sent.counted(export.rows()), file_name(export)
    if as_workbook and workbook.is_available():
        name += ".xlsx"
        answer = StreamingHttpResponse(sent.logged(workbook.chunks(rows)), content_type=workbook.CONTENT_TYPE)
    else:
        name += ".csv"
        answer = StreamingHttpResponse(sent.logged(sheet.lines(rows)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
