"""What all our admin pages share: they show and change nothing; what may be started has a permission of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import flatten_fieldsets
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from stockhub_webhooks import runners
from stockhub_webhooks.admin import search
from stockhub_webhooks.admin.badge import BadgedAdmin
from stockhub_webhooks.admin.date_range import is_used
from stockhub_webhooks.admin.filters import AccountFilter
from stockhub_webhooks.admin.paginator import BoundedPaginator
from stockhub_webhooks.admin.permissions import may_see_persons
from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import database_alias

BATCH = 500


@dataclass(frozen=True)
class Named:
    """What Django's page shows as the row's name, in the office's words instead of `str(row)`."""

    pk: Any
    name: str

    def __str__(self) -> str:
        return self.name


class ReadOnlyAdmin(BadgedAdmin):
    """A list and a page of what the sender told. It has no form: whoever may view sees everything as text."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    ordering = ("-pk",)
    search_fields = ("pk",)  # shows the search box; `matching` says what it finds
    sortable_by: ClassVar[Any] = ("created_at", "date_requested", "occurred_at", "received_at")  # each has an index
    deferred: ClassVar[tuple[str, ...]] = ()
    # columns and lines that tell of persons, and what stands there for who may not see these; "" is nothing
    personal: ClassVar[dict[str, str]] = {}

    class Media:
        css = {"all": ["stockhub_webhooks/lists.css", "stockhub_webhooks/actions.css"]}

    # ------------------------------------------------------------ nothing can be changed

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds rows here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes rows here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes rows here."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them."""
        return flatten_fieldsets(self.get_fieldsets(request, obj))

    # ------------------------------------------------------------ the account, where there are several

    def shows_account(self) -> bool:
        """Whether rows are told apart by their account; the tests' has a badge instead."""
        return self.has_account and len(conf.real_accounts()) > 1

    def get_list_display(self, request: HttpRequest) -> Any:
        """The account's column is last."""
        shown = self.allowed(request, self.list_display)
        return (*shown, "account") if self.shows_account() else shown

    def get_list_filter(self, request: HttpRequest) -> Any:
        """The account's filter is last."""
        return (*self.list_filter, AccountFilter) if self.has_account else self.list_filter

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """As written, without the account where there is only one, and without persons for who may not see them.

        A test's page begins with the badge.
        """
        is_test = self.is_test(obj)
        shown = self.shows_account() and not is_test
        written = (
            (title, options, [name for name in options["fields"] if shown or name != "account"])
            for title, options in self.fieldsets or ()
        )
        badge: list[Any] = [(None, {"fields": ["about_test"]})] if is_test else []
        return badge + [
            (title, {**options, "fields": allowed})
            for title, options, fields in written
            if (allowed := self.allowed(request, fields))
        ]

    def allowed(self, request: HttpRequest, names: Iterable[Any]) -> list[Any]:
        """The columns or lines without those that the user may not see; several in one line are a tuple."""
        if may_see_persons(request):
            return list(names)
        inside = (
            tuple(self.allowed(request, name)) if isinstance(name, tuple) else self.personal.get(name, name)
            for name in names
        )
        return [name for name in inside if name]

    # ------------------------------------------------------------ finding and naming rows

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """From the database that is written to: a replica may not have the message that is being asked for."""
        return super().get_queryset(request).using(database_alias()).defer(*self.deferred)

    def get_ordering(self, request: HttpRequest) -> Any:
        """Newest first: by the date of which days are chosen, for else the database looks for them from today back."""
        days = [of[0] for of in self.list_filter if isinstance(of, tuple) and is_used(str(of[0]), request.GET)]
        return tuple(f"-{column}" for column in days[:1]) + tuple(super().get_ordering(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Rows that all words find; none twice."""
        text = search_term.strip()
        return (queryset.filter(self.matching(request, text)) if text else queryset), False

    def matching(self, request: HttpRequest, text: str) -> Q:
        """The rows that the text finds, for this user."""
        raise NotImplementedError

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list; its search box says what this user may look for."""
        shown: Any = super().get_changelist_instance(request)
        shown.search_help_text = self.search_help_text or search.help_text(request)
        return shown

    def list_tools(self, request: HttpRequest) -> list[tuple[str, Any]]:
        """Address and label of each button above the list."""
        return []

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list, with its buttons."""
        return super().changelist_view(request, {"list_tools": self.list_tools(request), **(extra_context or {})})

    def page_tools(self, request: HttpRequest, row: Any) -> list[tuple[str, Any]]:
        """Address and label of each button above the page of a row."""
        return []

    def name_of(self, row: Any) -> str:
        """What the page of a row is headed."""
        return str(row)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any
    ) -> HttpResponse:
        """Django's page, headed in the office's words; what can be done with rows of the list can be done there."""
        row = options.get("obj")
        if row is not None:
            name = self.name_of(row)
            actions = self.get_action_choices(request, default_choices=[])
            context |= {"subtitle": name, "original": Named(row.pk, name)}
            context |= {"page_tools": self.page_tools(request, row), "page_actions": actions}
        return super().render_change_form(request, context, *args, **options)

    # ------------------------------------------------------------ actions

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of a row; an action on it, where that was asked for."""
        if request.method == "POST":
            return self.act_on(request, object_id)
        return super().change_view(request, object_id, form_url, extra_context)

    def act_on(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Do with this row what the list's action of that name does with those chosen, and come back."""
        name = request.POST.get("action", "")
        row = self.get_object(request, object_id)
        if name not in self.get_actions(request) or row is None or not self.has_view_permission(request, row):
            raise PermissionDenied
        act = getattr(self, name)  # all our actions are methods
        answer: HttpResponse | None = act(request, self.get_queryset(request).filter(pk=row.pk))
        return answer or HttpResponseRedirect(request.get_full_path())

    def make_due(self, request: HttpRequest, rows: QuerySet[Any], what: str, act: Callable[[list[int]], int]) -> int:
        """Let `act` make rows due, log that, and wake the runner once it is committed; how many rows that were.

        The host may have a transaction around the request, so the work itself never belongs here.
        """
        chosen = list(rows)
        made = 0
        with transaction.atomic(using=database_alias()):
            for start in range(0, len(chosen), BATCH):
                made += act([row.pk for row in chosen[start : start + BATCH]])
            user: Any = request.user
            LogEntry.objects.log_actions(user.pk, chosen, CHANGE, what)
            transaction.on_commit(wake, using=database_alias(), robust=True)
        return made


def wake() -> None:
    """Tell whoever does the work that there is some."""
    runners.current().wake()
