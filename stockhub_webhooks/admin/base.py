"""Base class of all model admins of this app: read-only pages, and actions with permissions of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from stockhub_webhooks import runners
from stockhub_webhooks.admin import search_box
from stockhub_webhooks.admin.date_range import is_used
from stockhub_webhooks.admin.guard import guarded_patterns
from stockhub_webhooks.admin.long_parts import choose
from stockhub_webhooks.admin.paginator import BoundedPaginator
from stockhub_webhooks.admin.shown_fields import ShownFieldsAdmin
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.visible import isolated, visible_html

BATCH = 500
DJANGOS_FILTER = "admin/filter.html"

ObjectTools = list[tuple[str, Any]]  # (url, label) of the buttons above a list or a row's page


@dataclass(frozen=True)
class TitledRow:
    """A row whose text is the heading of its page: Django's breadcrumbs would show `str(row)`, and so do themes."""

    row: Any
    title: str

    def __str__(self) -> str:
        return self.title

    def __getattr__(self, name: str) -> Any:
        return getattr(self.row, name)


class ReadOnlyAdmin(ShownFieldsAdmin):
    """Base class of read-only admins: all values are shown as text.

    Attributes:
        deferred_fields: large columns that the list and the page do not load.
    """

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    ordering: ClassVar[tuple[str, ...]] = ("-pk",)
    search_fields = ("pk",)  # only makes Django show the search box; `get_search_filter` does the search
    sortable_by: ClassVar[Any] = ("created_at", "date_requested", "occurred_at", "received_at")  # each has an index
    deferred_fields: ClassVar[tuple[str, ...]] = ()

    class Media:
        css = {"all": [f"stockhub_webhooks/{name}.css" for name in ("lists", "actions", "scrolling", "cards")]}

    # ------------------------------------------------------------ read-only

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return flatten_fieldsets(self.get_fieldsets(request, obj))

    # ------------------------------------------------------------ rows

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the row; an empty `_to_field`, which Django takes for a name, is none."""
        return super().get_object(request, object_id, from_field or None)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # a replica may not have the newest messages yet
        return super().get_queryset(request).using(database_alias()).defer(*self.deferred_fields)

    def get_ordering(self, request: HttpRequest) -> Any:
        """Sort by the date that is filtered on, so that its index serves both the filter and the order."""
        filtered = [
            spec[0] for spec in self.list_filter if isinstance(spec, tuple) and is_used(str(spec[0]), request.GET)
        ]
        return tuple(f"-{column}" for column in filtered[:1]) + tuple(super().get_ordering(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        if "\0" in text:  # from the autocompletion of a host's form, which is no page of ours
            return queryset.none(), False
        return (queryset.filter(self.get_search_filter(request, text)) if text else queryset), False

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        """Return the condition for the rows that the text of the search box matches."""
        raise NotImplementedError

    # ------------------------------------------------------------ pages

    @property
    def urls(self) -> list[Any]:
        """Guard all pages of the model, those of mixins and of Django too."""
        return guarded_patterns(self.get_urls())

    def message_user(self, request: HttpRequest, message: Any, *args: Any, **options: Any) -> None:
        """Show a message on the next page, which may be one of Django's own."""
        super().message_user(request, visible_message(message), *args, **options)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist: Any = super().get_changelist_instance(request)
        changelist.linked_filters = self.linked_filters(request, changelist)
        for spec in changelist.filter_specs:
            if spec.template == DJANGOS_FILTER:
                spec.template = "admin/stockhub_webhooks/filter.html"
        changelist.search_help_text = capfirst(str(self.search_help_text or search_box.help_text(request)))
        return changelist

    def changelist_object_tools(self, request: HttpRequest) -> ObjectTools:
        """Return the buttons above the list."""
        return []

    def change_form_object_tools(self, request: HttpRequest, row: Any) -> ObjectTools:
        """Return the buttons above the page of a row."""
        return []

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        context: dict[str, Any] = {"object_tools": self.changelist_object_tools(request)}
        if IS_POPUP_VAR not in request.GET:
            context["title"] = capfirst(str(self.opts.verbose_name_plural))  # Django would ask to select a row
        return super().changelist_view(request, context | (extra_context or {}))

    def title_of(self, row: Any) -> str:
        """Return the heading of the page of a row."""
        return str(row)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any
    ) -> HttpResponse:
        """Add our heading, the buttons above the page, and the list's actions as buttons below it."""
        row = options.get("obj")
        if row is not None:
            choose(row, request)
            title = self.title_of(row)
            context |= {
                "title": capfirst(str(self.opts.verbose_name)),  # Django would say "View" before it
                "subtitle": title,
                "original": TitledRow(row, title),
                "object_tools": self.change_form_object_tools(request, row),
                "page_actions": self.get_page_actions(request, row),
                "has_history": self.has_history(row),
            }
        return super().render_change_form(request, context, *args, **options)

    def has_history(self, row: Any) -> bool:
        """Return True if a person did something with this row; otherwise there is nothing behind the button."""
        of_model = ContentType.objects.get_for_model(self.model)
        return LogEntry.objects.filter(content_type=of_model, object_id=str(row.pk)).exists()

    def get_page_actions(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        """Return name and label of the list's actions that the page of a row offers as buttons."""
        return self.get_action_choices(request, default_choices=[])

    def page_url(self, name: str, *args: Any) -> str:
        """Return the path of a page of this admin site by its URL name."""
        return reverse(f"{self.admin_site.name}:{name}", args=args)

    def render_page(
        self, request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
    ) -> TemplateResponse:
        """Render a page of our own with the context that the admin's base template needs."""
        request.current_app = self.admin_site.name
        context = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        return TemplateResponse(request, f"admin/stockhub_webhooks/{template}", context, status=status)

    # ------------------------------------------------------------ actions

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the page of a row; on POST run the action of the button that was pressed."""
        if request.method == "POST":
            return self.run_action(request, object_id)
        return super().change_view(request, object_id, form_url, extra_context)

    def run_action(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Run the changelist action on this row and redirect back."""
        name = request.POST.get("action", "")
        row = self.get_object(request, object_id)
        if name not in self.get_actions(request) or row is None or not self.has_view_permission(request, row):
            raise PermissionDenied
        action = getattr(self, name)  # all our actions are methods
        response: HttpResponse | None = action(request, self.get_queryset(request).filter(pk=row.pk))
        return response or HttpResponseRedirect(request.get_full_path())

    def apply_and_log(
        self, request: HttpRequest, rows: QuerySet[Any], description: str, change: Callable[[list[int]], int]
    ) -> int:
        """Pass the primary keys of `rows` to `change` in batches, log it, and wake the runner on commit.

        The request may run in a transaction of the host, so `change` may only make work due.

        Returns:
            The sum of what `change` returned, the number of changed rows.
        """
        chosen = list(rows)
        changed = 0
        with transaction.atomic(using=database_alias()):
            for start in range(0, len(chosen), BATCH):
                changed += change([row.pk for row in chosen[start : start + BATCH]])
            user: Any = request.user
            LogEntry.objects.log_actions(user.pk, chosen, CHANGE, description)
            wake_on_commit()
        return changed

    def report_counts(
        self, request: HttpRequest, changed: int, changed_text: Any, skipped: int = 0, skipped_text: Any = ""
    ) -> None:
        """Show how many rows an action changed, and how many of the chosen rows it skipped."""
        if changed or not skipped:
            level = messages.SUCCESS if changed else messages.WARNING
            self.message_user(request, changed_text % {"count": changed}, level)
        if skipped:
            self.message_user(request, skipped_text % {"count": skipped}, messages.WARNING)


def visible_message(message: Any) -> str:
    """Return a message without invisible characters, and still as HTML if it is HTML."""
    if isinstance(message, SafeString):
        return SafeString(visible_html(message))  # nosec B703  # it was safe before
    return isolated(str(message))


def wake_on_commit() -> None:
    """Wake the runner after the commit; a failure to do so must not fail the request."""
    transaction.on_commit(lambda: runners.current().wake(), using=database_alias(), robust=True)
