"""What all our admin pages share: they show and change nothing; what may be started has a permission of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import flatten_fieldsets
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks import runners
from stockhub_webhooks.admin import search
from stockhub_webhooks.admin.filters import AccountFilter
from stockhub_webhooks.conf import conf
from stockhub_webhooks.models.database import alias

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

BATCH = 500


@dataclass(frozen=True)
class Named:
    """What Django's page shows as the row's name, in the office's words instead of `str(row)`."""

    pk: Any
    name: str

    def __str__(self) -> str:
        return self.name


class ReadOnlyAdmin(ModelAdmin):
    """A list and a page of what the sender told. It has no form: whoever may view sees everything as text."""

    show_full_result_count = False
    list_per_page = 50
    ordering = ("-pk",)
    search_fields = ("pk",)  # shows the search box; `matching` says what it finds
    search_help_text = _("Stock Hub number, our order number, tracking number, SKU or e-mail address")
    has_account = True
    deferred: ClassVar[tuple[str, ...]] = ()

    class Media:
        css = {"all": ["stockhub_webhooks/lists.css"]}

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
        """Whether rows are told apart by their account."""
        return self.has_account and len(conf.accounts()) > 1

    def get_list_display(self, request: HttpRequest) -> Any:
        """The account's column is last."""
        return (*self.list_display, "account") if self.shows_account() else self.list_display

    def get_list_filter(self, request: HttpRequest) -> Any:
        """The account's filter is last."""
        return (*self.list_filter, AccountFilter) if self.shows_account() else self.list_filter

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """As written, without the account where there is only one."""
        shown = self.shows_account()
        return [
            (title, {**options, "fields": [name for name in options["fields"] if shown or name != "account"]})
            for title, options in self.fieldsets or ()
        ]

    # ------------------------------------------------------------ finding and naming rows

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """From the database that is written to: a replica may not have the message that is being asked for."""
        return super().get_queryset(request).using(alias()).defer(*self.deferred)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Rows that all words find; none twice."""
        all_words = search.words(search_term)
        return (queryset.filter(self.matching_all(all_words)) if all_words else queryset), False

    def matching_all(self, all_words: list[str]) -> Q:
        """The rows that all of the words find."""
        return search.all_of(self.matching, all_words)

    def matching(self, word: str) -> Q:
        """The rows that one word finds."""
        raise NotImplementedError

    def name_of(self, row: Any) -> str:
        """What the page of a row is headed."""
        return str(row)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any
    ) -> HttpResponse:
        """Django's page, headed in the office's words."""
        row = options.get("obj")
        if row is not None:
            name = self.name_of(row)
            context |= {"subtitle": name, "original": Named(row.pk, name)}
        return super().render_change_form(request, context, *args, **options)

    # ------------------------------------------------------------ actions

    def make_due(self, request: HttpRequest, rows: QuerySet[Any], what: str, act: Callable[[list[int]], int]) -> int:
        """Let `act` make rows due, log that, and wake the runner once it is committed; how many rows that were.

        The host may have a transaction around the request, so the work itself never belongs here.
        """
        chosen = list(rows)
        made = 0
        with transaction.atomic(using=alias()):
            for start in range(0, len(chosen), BATCH):
                made += act([row.pk for row in chosen[start : start + BATCH]])
            user: Any = request.user
            LogEntry.objects.log_actions(user.pk, chosen, CHANGE, what)
            transaction.on_commit(wake, using=alias(), robust=True)
        return made


def wake() -> None:
    """Tell whoever does the work that there is some."""
    runners.current().wake()
