"""The button "export" above the lists of documents, which takes over kind, days, status and account of the list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin.base import ObjectTools, ReadOnlyAdmin
from stockhub_webhooks.admin.date_range import day, names
from stockhub_webhooks.admin.list_filters import OTHER
from stockhub_webhooks.admin.sites import address
from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.office.access import may
from stockhub_webhooks.office.export import periods
from stockhub_webhooks.office.export.tables import TABLES, ExportTable

STATUS, ACCOUNT = "status", "account"
MAX_STATUSES = 50
URL_NAME = "stockhub_webhooks_export"
TABLE_OF: dict[Any, ExportTable] = {table.model: table for table in TABLES.values()}


def several_accounts() -> list[str]:
    """Return the real accounts if there are several; otherwise there is nothing to choose."""
    accounts = conf.real_accounts()
    return accounts if len(accounts) > 1 else []


class ExportLink(ReadOnlyAdmin):
    """Adds the button to the list of a document that can be exported."""

    def changelist_object_tools(self, request: HttpRequest) -> ObjectTools:
        """Add the button for users with the permission; its page is one of the admin of orders."""
        tools = super().changelist_object_tools(request)
        table, url = TABLE_OF.get(self.model), address(request, URL_NAME)
        if table is None or not url or not may(request, "export"):
            return tools
        return [*tools, (url + self.choice_of_list(request, table), _("export"))]

    def choice_of_list(self, request: HttpRequest, table: ExportTable) -> str:
        """Return the parameters of the page for the rows that the list shows; "" beside another page than the list."""
        match = request.resolver_match
        if match is None or match.url_name != f"{self.opts.app_label}_{self.opts.model_name}_changelist":
            return ""
        statuses = self.statuses_of_list(request)
        chosen = {"topic": table.topic, **({"status": statuses, "of": table.topic} if statuses else {})}
        account = request.GET.get(ACCOUNT, "")
        chosen |= {ACCOUNT: account} if account in several_accounts() else {}
        first, last = (day(request.GET.get(name, "")) for name in names(table.day))
        today = periods.today()
        days = {"first": first or today.replace(month=1, day=1), "last": last or today} if first or last else {}
        return f"?{urlencode({**chosen, **days}, doseq=True)}"

    def statuses_of_list(self, request: HttpRequest) -> list[str]:
        """Return the codes that the filter by status of the list lets through; [] if none is chosen."""
        chosen = request.GET.get(STATUS, "")
        filters: list[Any] = [each for each in self.list_filter if getattr(each, "parameter_name", "") == STATUS]
        if not (filters and chosen):
            return []
        groups: Mapping[str, tuple[Any, tuple[str, ...]]] = getattr(filters[0], "groups", {})
        if chosen in groups:
            return list(groups[chosen][1])
        if chosen != OTHER:
            return [chosen]
        rows = self.model.objects.using(database_alias()).real().exclude(status__in=[*filters[0].labels, ""])
        found = rows.exclude(status=None).order_by().values_list(STATUS, flat=True).distinct()[:MAX_STATUSES]
        return list(found) or [chosen]  # no such row: none in the file either
