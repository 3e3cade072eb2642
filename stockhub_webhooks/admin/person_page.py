"""The page of a customer: all orders, a file with all that is kept, and the way to erase it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import path
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from stockhub_webhooks.admin import display
from stockhub_webhooks.admin.base import ObjectTools
from stockhub_webhooks.admin.document import DocumentAdmin
from stockhub_webhooks.admin.replay_request import outside_transactions
from stockhub_webhooks.conf import conf
from stockhub_webhooks.models import Order
from stockhub_webhooks.office.access import may, may_see_persons
from stockhub_webhooks.operations.privacy import erase, person, subjects
from stockhub_webhooks.operations.privacy.answer import answers

PERSON, ERASE = "stockhub_webhooks_order_person", "stockhub_webhooks_order_erase"
MAX_ORDERS = 100
COUNTED: dict[str, Any] = {
    "documents": ngettext_lazy(
        "%(count)d document keeps its number, amounts and dates.",
        "%(count)d documents keep their numbers, amounts and dates.",
        "count",
    ),
    "addresses": ngettext_lazy("%(count)d address is deleted.", "%(count)d addresses are deleted.", "count"),
    "messages": ngettext_lazy(
        "%(count)d message loses its content.", "%(count)d messages lose their content.", "count"
    ),
    "refused": ngettext_lazy(
        "%(count)d refused message is deleted.", "%(count)d refused messages are deleted.", "count"
    ),
    "events": ngettext_lazy(
        "%(count)d change loses its personal values.", "%(count)d changes lose their personal values.", "count"
    ),
    "errors": ngettext_lazy("%(count)d error is deleted.", "%(count)d errors are deleted.", "count"),
    "calls": ngettext_lazy(
        "%(count)d task for our shop that is not done yet is given up.",
        "%(count)d tasks for our shop that are not done yet are given up.",
        "count",
    ),
    "texts": ngettext_lazy("%(count)d text of a colleague is emptied.", "%(count)d texts are emptied.", "count"),
    "files": ngettext_lazy("%(count)d file is deleted.", "%(count)d files are deleted.", "count"),
}
WAITING = ngettext_lazy(
    "%(count)d message still waits: it loses its content when it is processed.",
    "%(count)d messages still wait: they lose their content when they are processed.",
    "count",
)
RUNNING = ngettext_lazy(
    "%(count)d task for our shop runs now and is not stopped.",
    "%(count)d tasks for our shop run now and are not stopped.",
    "count",
)


class PersonPage(DocumentAdmin):
    """Adds to the admin of orders the page of a customer and the page that erases orders."""

    def has_erase_person_permission(self, request: HttpRequest) -> bool:
        """Check a permission of its own, because nothing brings erased data back."""
        return may(request, "erase_person")

    def has_view_person_permission(self, request: HttpRequest) -> bool:
        """Check a permission of its own, because the page says which orders are the same customer's.

        Names and the file need the permission to see persons, too.
        """
        return may(request, "view_person")

    def get_urls(self) -> list[Any]:
        erase_view = outside_transactions(self.admin_site.admin_view(self.erase_view))
        return [
            path("<path:object_id>/person/", self.admin_site.admin_view(self.person_view), name=PERSON),
            path("<path:object_id>/erase/", erase_view, name=ERASE),
            *super().get_urls(),
        ]

    def change_form_object_tools(self, request: HttpRequest, row: Order) -> ObjectTools:
        own = [(self.page_url(PERSON, row.pk), _("customer"))] if self.has_view_person_permission(request) else []
        return [*super().change_form_object_tools(request, row), *own]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Say on the page of an erased order that it is erased."""
        fieldsets = super().get_fieldsets(request, obj)
        return (
            [*fieldsets, (_("Erased"), {"fields": ["erased_at"]})] if obj is not None and obj.erased_at else fieldsets
        )

    @admin.action(description=_("erase the customer …"), permissions=["erase_person"])
    def erase_person(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        """Redirect to the page that shows what would be erased."""
        pks = sorted(queryset.values_list("pk", flat=True)[: MAX_ORDERS + 1])
        if len(pks) > MAX_ORDERS:
            too_many = _("These are too many at once: choose at most %(most)d.") % {"most": MAX_ORDERS}
            self.message_user(request, too_many, messages.WARNING)
            return None
        chosen = "&".join(f"{ACTION_CHECKBOX_NAME}={pk}" for pk in pks)
        return HttpResponseRedirect(f"{self.page_url(ERASE, pks[0])}?{chosen}") if pks else None

    # ------------------------------------------------------------ the customer

    def person_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the orders of a customer; on POST return the file of the chosen ones. Both are logged."""
        order = self._order_of_person(request, object_id, is_allowed=self.has_view_person_permission(request))
        kin = subjects.of_same_person(order)
        persons = may_see_persons(request)
        if request.method == "POST":
            if not persons:
                raise PermissionDenied
            wanted = _chosen(request.POST)
            chosen = [each.order for each in kin if each.order.pk in wanted] or [order]
            self._log(request, chosen, _("downloaded all that is kept of the customer"))
            answer = JsonResponse(
                person.export(subjects.of_pks(row.pk for row in chosen)), json_dumps_params={"indent": 2}
            )
            answer["Content-Disposition"] = f'attachment; filename="person-{order.pk}.json"'
            answer["X-Content-Type-Options"] = "nosniff"
            return answer
        self._log(request, [order], _("looked at all that is kept of the customer"))
        context = {
            "title": capfirst(str(_("customer"))),
            "order": order,
            "order_name": self.title_of(order),
            "heads": _heads(),
            "rows": [
                (each.order.pk, each.order.pk == order.pk, _cells(each, order, persons)) for each in kin[:MAX_ORDERS]
            ],
            "left_out": max(len(kin) - MAX_ORDERS, 0),
            "checkbox": ACTION_CHECKBOX_NAME,
            "persons": persons,
            "erase_url": self.page_url(ERASE, order.pk) if self.has_erase_person_permission(request) else "",
        }
        return self.render_page(request, "order/person.html", context)

    # ------------------------------------------------------------ erasing

    def erase_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what would be erased; if confirmed, erase it and show the answer to the customer."""
        order = self._order_of_person(request, object_id, is_allowed=self.has_erase_person_permission(request))
        wanted = _chosen(request.POST if request.method == "POST" else request.GET) or {order.pk}
        chosen = list(self.get_queryset(request).filter(pk__in=wanted).order_by("pk")[: MAX_ORDERS + 1])
        if len(chosen) > MAX_ORDERS:
            raise Http404
        found, persons = subjects.of_pks(row.pk for row in chosen), may_see_persons(request)
        context = {
            "title": _("Erase the customer"),
            "order": order,
            "order_name": self.title_of(order),
            "checkbox": ACTION_CHECKBOX_NAME,
            "heads": _heads(),
            "rows": [(row.pk, False, _cells(subjects.Kin(row, False, False), row, persons)) for row in chosen],
        }
        try:
            if request.method == "POST":
                return self.erased(request, chosen, found, context)
            context["results"] = _sentences([erase.preview(each) for each in found])
        except (DatabaseError, OSError) as error:
            text = _("Not all of it was erased (%(error)s): try again. What is done stays done.")
            self.message_user(request, text % {"error": type(error).__name__}, messages.ERROR)
            return HttpResponseRedirect(self.page_url("stockhub_webhooks_order_change", order.pk))
        return self.render_page(request, "order/erase.html", context)

    def erased(
        self, request: HttpRequest, chosen: list[Order], found: list[subjects.Subjects], context: dict[str, Any]
    ) -> HttpResponse:
        """Erase the orders, log it, and show what was erased and the answer to the customer."""
        user: Any = request.user
        results = [erase.erase(each, by=user.get_username()) for each in found]
        self._log(request, chosen, _("erased the customer"))
        context |= {
            "results": _sentences(results),
            "answers": answers(found),
            "log_lines": [] if conf.ERASURE_LOG else [result.log_line for result in results],
        }
        return self.render_page(request, "order/erased.html", context)

    def _order_of_person(self, request: HttpRequest, object_id: str, *, is_allowed: bool) -> Order:
        """Return the order of the page.

        Raises:
            PermissionDenied: the user may not.
            Http404: there is no such order.
        """
        order: Order | None = self.get_object(request, object_id)
        if not (is_allowed and self.has_view_permission(request, order)):
            raise PermissionDenied
        if order is None:
            raise Http404
        return order

    def _log(self, request: HttpRequest, rows: list[Order], text: Any) -> None:
        user: Any = request.user
        LogEntry.objects.log_actions(user.pk, rows, CHANGE, str(text))


def _chosen(parameters: Any) -> set[int]:
    """Return the primary keys that the check boxes or the list chose."""
    return {int(text) for text in parameters.getlist(ACTION_CHECKBOX_NAME) if text.isdecimal() and len(text) < 19}


def _heads() -> list[str]:
    names = (_("order"), _("our order number"), _("created at"), _("address"), _("why it is here"))
    return [capfirst(str(name)) for name in names]


def _cells(kin: subjects.Kin, order: Order, persons: bool) -> list[Any]:
    row = kin.order
    reasons = [
        *([_("this order")] if row.pk == order.pk else []),
        *([_("the same e-mail address")] if kin.by_email else []),
        *([_("the same surname and postcode")] if kin.by_name else []),
    ]
    erased = [_("erased on %(day)s") % {"day": display.day(row.erased_at)}] if row.erased_at else []
    return [
        display.page(row),
        row.po_number or display.EMPTY,
        display.day(row.created_at),
        display.address(row.shipping_address if persons else None),
        display.multiline([*reasons, *erased]),
    ]


def _sentences(results: list[erase.ErasureResult]) -> list[str]:
    """Return what was or would be erased."""
    total: Counter[str] = Counter()
    for result in results:
        total.update(result.counts)
    found = [str(text % {"count": total[name]}) for name, text in COUNTED.items() if total[name]]
    for text, count in ((WAITING, "waiting"), (RUNNING, "running")):
        if number := sum(getattr(result, count) for result in results):
            found.append(str(text % {"count": number}))
    return found
