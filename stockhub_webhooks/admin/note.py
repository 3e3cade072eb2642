"""Admin of the notes about purchases."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import labels, search_box
from stockhub_webhooks.admin.base import ReadOnlyAdmin
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.admin.story.links import link, story_url
from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Note

SHOWN = 100  # characters of a note in the list


@admin.register(Note)
class NoteAdmin(ReadOnlyAdmin):
    """List of notes; they are written on the page of a purchase."""

    list_display = ("written_at", "po_number", "beginning", "written_by", "withdrawn_at", "story")
    list_filter = (("written_at", DateRangeFilter), ("withdrawn_at", admin.EmptyFieldListFilter))
    sortable_by: ClassVar[Any] = ("written_at",)
    personal_fields: ClassVar[dict[str, str]] = {"beginning": ""}
    search_help_text = _("Number of the order, or words of the note")
    fieldsets = (
        (
            None,
            {"fields": [("of_order", "po_number"), "account", "text", ("written_by", "written_at"), "withdrawn_at"]},
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("order").defer("order__extra")

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        found = search_box.find_with_tests(request, text, (topics.ORDER,))
        own = search_box.holds(request, self.model, text, "text", "po_number", "written_by")
        return Q(order__in=found.pks(topics.ORDER)) | own

    @admin.display(description=_("note"))
    def beginning(self, row: Note) -> str:
        """Return the beginning of the text."""
        return Truncator(row.text).chars(SHOWN)

    @admin.display(description=_("order"))
    def of_order(self, row: Note) -> Any:
        """Return a link to the story of the order."""
        return link(story_url(self.admin_site, row.order), labels.order(row.order))

    @admin.display(description=_("story"))
    def story(self, row: Note) -> Any:
        """Return a link to the story, in the list."""
        return link(story_url(self.admin_site, row.order), capfirst(str(_("story"))))
