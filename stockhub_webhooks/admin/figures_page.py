"""The page "figures": a period, its numbers as tables and pictures, and the file."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import path
from django.utils import formats, translation
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from stockhub_webhooks.admin import display
from stockhub_webhooks.admin.base import ObjectTools, ReadOnlyAdmin
from stockhub_webhooks.admin.chart import grouped
from stockhub_webhooks.admin.export import DAY_WIDGET
from stockhub_webhooks.admin.figures_chart import PartsChart
from stockhub_webhooks.office.access import may
from stockhub_webhooks.office.export import periods, sheet, workbook
from stockhub_webhooks.office.export.periods import Period
from stockhub_webhooks.office.figures import counts, days, rates, sheet_rows
from stockhub_webhooks.office.figures.days import Days
from stockhub_webhooks.office.figures.rates import Rate

URL_NAME = "stockhub_webhooks_figures"
SHOWN = 50  # brands, and SKUs
MAX_YEARS = 60
CHARTS = ("orders", "returns")


class FiguresForm(forms.Form):
    """Form for the period."""

    first = forms.DateField(label=gettext_lazy("from"), widget=forms.DateInput(DAY_WIDGET, format="%Y-%m-%d"))
    last = forms.DateField(
        label=gettext_lazy("up to and including"), widget=forms.DateInput(DAY_WIDGET, format="%Y-%m-%d")
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for field in self.fields.values():
            field.label = capfirst(str(field.label))

    def clean(self) -> dict[str, Any]:
        """Check the order of the days, and the length of the period."""
        values = self.cleaned_data
        first, last = values.get("first"), values.get("last")
        if first and last and not periods.is_period(first, last):
            self.add_error("last", _("The last day is before the first."))
        elif first and last and last.year - first.year >= MAX_YEARS:
            self.add_error("last", _("This is too long a period."))
        return values


class FiguresPage(ReadOnlyAdmin):
    """Adds the page "figures" to the admin of orders."""

    def may_view_figures(self, request: HttpRequest) -> bool:
        """Check a permission of its own, because the turnover is not everyone's business."""
        return may(request, "view_figures")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.figures_view)
        return [path("figures/", view, name=URL_NAME), *super().get_urls()]

    def changelist_object_tools(self, request: HttpRequest) -> ObjectTools:
        own = [(self.page_url(URL_NAME), _("figures"))] if self.may_view_figures(request) else []
        return [*super().changelist_object_tools(request), *own]

    def figures_view(self, request: HttpRequest) -> HttpResponseBase:
        """Show the figures of a period, those of the last month at first; return the file if it is requested."""
        if not self.may_view_figures(request):
            raise PermissionDenied
        data = request.POST if request.method == "POST" else request.GET
        is_filled_in = bool(FiguresForm.base_fields.keys() & data.keys())
        period = periods.last_month(periods.today())
        form = FiguresForm(data if is_filled_in else None, initial={"first": period.first, "last": period.last})
        if is_filled_in:
            if not form.is_valid():
                return self.figures_page(request, form, None)
            period = Period(form.cleaned_data["first"], form.cleaned_data["last"])
        if request.method == "POST":
            return download(period, as_workbook=request.POST.get("format") == "xlsx")
        return self.figures_page(request, form, period)

    def figures_page(self, request: HttpRequest, form: FiguresForm, period: Period | None) -> HttpResponse:
        """Show the form, the usual periods, and the figures."""
        context = {
            "title": capfirst(_("figures")),
            "form": form,
            "usual": [(capfirst(str(name)), each) for name, each in periods.usual(periods.today())],
            "has_workbook": workbook.is_available(),
            "extra": "django-stockhub-webhooks[xlsx]",
            **(figures_of(period) if period else {}),
        }
        return self.render_page(request, "figures.html", context)


def figures_of(period: Period) -> dict[str, Any]:
    """Return what the template shows of a period."""
    counted = counts.counts_of(period)
    rated = rates.rates_of(period, SHOWN)
    kinds = [(capfirst(str(sheet_rows.NAMES[name])), kind) for name, kind in counted.kinds.items()]
    charts = [
        PartsChart(name, capfirst(str(sheet_rows.NAMES[name])), counted.buckets, counted.kinds[name].by_part)
        for name in CHARTS
    ]
    return {
        "period": period,
        "totals": [(label, grouped(kind.total), amounts(kind.amounts)) for label, kind in kinds],
        "cancelled": grouped(counted.cancelled_orders),
        "durations": [
            (capfirst(_("from order to shipment")), in_days(each := days.order_to_parcel(period)), grouped(each.count)),
            (capfirst(_("from return to credit note")), in_days(each := days.return_to_refund(period)),
             grouped(each.count)),
        ],
        "charts": charts,
        "is_empty": not any(kind.total for _label, kind in kinds),
        "part_heads": [label for label, _kind in kinds],
        "parts": [
            (charts[0].names[place], [grouped(kind.by_part[place]) for _label, kind in kinds])
            for place in range(len(counted.buckets.parts))
        ],
        "rate": rate_cells(rated.total),
        "rate_tables": [
            (capfirst(_("return rate by brand")), capfirst(_("brand")), "stockhub-brands",
             [rate_cells(rate) for rate in rated.by_brand[:SHOWN]]),
            (capfirst(_("return rate by SKU")), _("SKU"), "stockhub-skus",
             [rate_cells(rate) for rate in rated.by_sku]),
        ],
        "shown": SHOWN,
    }  # fmt: skip


def amounts(by_currency: dict[str, Any]) -> str:
    """Return the amounts of all currencies, which are never added."""
    return ", ".join(display.money(amount, currency) for currency, amount in sorted(by_currency.items()))


def in_days(measured: Days) -> str:
    """Return an average in words; a dash if there is none."""
    if measured.average is None:
        return display.EMPTY
    return _("%(days)s days") % {"days": formats.number_format(measured.average, decimal_pos=1)}


def rate_cells(rate: Rate) -> tuple[str, str, str, str]:
    """Return the name of a rate, the pieces ordered and returned, and the percentage."""
    percent = display.EMPTY if rate.percent is None else f"{formats.number_format(rate.percent, decimal_pos=1)} %"
    return rate.name or display.EMPTY, grouped(rate.ordered), grouped(rate.returned), percent


def download(period: Period, *, as_workbook: bool) -> StreamingHttpResponse:
    """Return the file as a stream; CSV also if a workbook is requested and the extra `xlsx` is not installed."""
    rows = sheet_rows.rows(period, translation.get_language())
    name = f"{_('figures')}-{period.first}-{period.last}"
    if as_workbook and workbook.is_available():
        name += ".xlsx"
        answer = StreamingHttpResponse(workbook.chunks(rows), content_type=workbook.CONTENT_TYPE)
    else:
        name += ".csv"
        answer = StreamingHttpResponse(sheet.lines(rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
