"""Admin of the look-ups of orders in our shop, with actions to repeat a look-up and to deliver missed events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import causes, display, labels, search_box
from stockhub_webhooks.admin.base import ReadOnlyAdmin
from stockhub_webhooks.admin.bulk_start import propose
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.admin.list_filters import BulkFilter
from stockhub_webhooks.admin.replay_request import MAX_IDS, URL_NAME
from stockhub_webhooks.admin.story.links import link, story_url
from stockhub_webhooks.conf import conf
from stockhub_webhooks.contract import topics
from stockhub_webhooks.delivery import host_orders, ledger
from stockhub_webhooks.models import BulkRequest, HostLink
from stockhub_webhooks.office.access import may


class FoundFilter(admin.SimpleListFilter):
    """Filter by status; the default is what `work.orders_not_in_our_shop` counts."""

    title = _("in our shop")
    parameter_name = "found"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("later", _("found later")), ("all", _("all that was looked for"))]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        default, *others = super().choices(changelist)
        yield {**default, "display": _("not found")}  # Django would call it "All"
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        links: Any = queryset
        if self.value() == "all":
            return queryset
        found_later: QuerySet[Any] = links.found_later()
        return found_later if self.value() == "later" else links.real().absent()


@admin.register(HostLink)
class HostLinkAdmin(ReadOnlyAdmin):
    """Admin of orders that `HOST_ORDER_RESOLVER` did not find; hidden if that setting is empty."""

    list_display = ("number", "po_number", "status_in_words", "since", "looked_at", "story")
    list_filter = (FoundFilter, "status", ("since", DateRangeFilter), BulkFilter)
    sortable_by: ClassVar[Any] = None
    actions = ("look_again", "tell_missed")
    help_texts = {"due_at": _("When we look for it again by ourselves; empty if we do not.")}
    fieldsets = (
        (
            None,
            {
                "fields": [
                    ("of_document", "po_number"),
                    "account",
                    ("status_in_words", "cause_in_words"),
                    ("since", "looked_at", "attempts", "due_at"),
                ]
            },
        ),
    )

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        return super().get_model_perms(request) if conf.HOST_ORDER_RESOLVER else {}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return (
            super()
            .get_queryset(request)
            .select_related("order", "payment_request")
            .defer("order__extra", "payment_request__extra")
        )

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        result = search_box.find_with_tests(request, text, (topics.ORDER, topics.PAYMENT_REQUEST))
        payment_requests = result.pks(topics.PAYMENT_REQUEST)
        return Q(order__in=result.pks(topics.ORDER)) | Q(payment_request__in=payment_requests)

    # ------------------------------------------------------------ columns and lines

    @admin.display(description=_("Stock Hub number"))
    def number(self, row: HostLink) -> str:
        """Return the number of the document, with the type in front if it is a payment request."""
        name = str(row.document)
        return name if row.order else f"{row.document._meta.verbose_name} {name}"

    @admin.display(description=_("our order number"))
    def po_number(self, row: HostLink) -> str:
        return row.document.po_number or display.EMPTY

    @admin.display(description=_("in our shop"), ordering="status")
    def status_in_words(self, row: HostLink) -> str:
        """Return whether the order is in our shop, or why it was not found."""
        return row.get_status_display()

    @admin.display(description=_("cause"))
    def cause_in_words(self, row: HostLink) -> str:
        """Return the type and place of the error that made the look-up fail."""
        return causes.label(row.cause) if row.cause else display.EMPTY

    @admin.display(description=_("story"))
    def story(self, row: HostLink) -> Any:
        url = story_url(self.admin_site, row.order) if row.order else ""
        return link(url, capfirst(str(_("story")))) if url else display.EMPTY

    @admin.display(description=_("document"))
    def of_document(self, row: HostLink) -> Any:
        """Return links to the document and to the story of its order."""
        document = display.page(row.document, labels.order(row.order) if row.order else None)
        return display.multiline([document, *([self.story(row)] if row.order else [])])

    # ------------------------------------------------------------ look again

    def has_look_again_permission(self, request: HttpRequest) -> bool:
        return may(request, "look_again")  # a separate permission, because the action calls the shop

    @admin.action(description=_("look again"), permissions=["look_again"])
    def look_again(self, request: HttpRequest, queryset: QuerySet[HostLink]) -> HttpResponse | None:
        """Ask, and look the chosen orders up again, except those that are found already."""
        return propose(self, request, BulkRequest.Action.LOOK_AGAIN, queryset)

    # ------------------------------------------------------------ deliver missed events

    def has_tell_missed_permission(self, request: HttpRequest) -> bool:
        """Require the permissions of the page that the action opens."""
        return may(request, "process_again") and may(request, "view_message")

    @admin.action(description=_("tell our shop what it missed …"), permissions=["tell_missed"])
    def tell_missed(self, request: HttpRequest, queryset: QuerySet[HostLink]) -> HttpResponse | None:
        """Redirect to the replay preview of the chosen orders, where the user confirms; of many orders to a request."""
        pks = list(queryset.order_by().values_list("pk", flat=True))
        message_pks = host_orders.messages_about(pks, MAX_IDS + 1)
        if not message_pks:
            self.message_user(request, _("Nothing is known of these that could be told."), messages.WARNING)
            return None
        if len(message_pks) > MAX_IDS:
            return propose(self, request, BulkRequest.Action.TELL_MISSED, queryset)
        receivers = sorted(set().union(*ledger.known_receivers().values()))
        query = {"ids": ",".join(map(str, message_pks)), "only_tell": "on", "try_again": "on", "receivers": receivers}
        url = self.page_url(URL_NAME)
        return HttpResponseRedirect(f"{url}?{urlencode(query, doseq=True)}")
