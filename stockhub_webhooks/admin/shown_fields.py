"""Which columns and fields of a model are shown: not all users may see persons, and empty fields are left out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import labels
from stockhub_webhooks.admin.badge import BadgedAdmin
from stockhub_webhooks.admin.list_filters import AccountFilter
from stockhub_webhooks.conf import conf
from stockhub_webhooks.models.personal import is_personal
from stockhub_webhooks.office.access import may_see_persons


class ShownFieldsAdmin(BadgedAdmin):
    """Base class of admins that leave out what the user may not see, and what says nothing.

    Attributes:
        personal_fields: fields that show personal columns (see `models.personal`), mapped to the field that is shown
            instead to users without the permission to see them; "" shows nothing. Personal columns themselves need
            no entry: they are left out.
        help_texts: texts below the values of model fields for office people, where those of the model are for
            developers; "" for none.
        optional_fields: model fields that the page shows only once they have a value.
    """

    personal_fields: ClassVar[dict[str, str]] = {}
    help_texts: ClassVar[dict[str, Any]] = {}
    optional_fields: ClassVar[tuple[str, ...]] = ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form, with the help texts for office people."""
        return super().get_form(request, obj, change, help_texts=dict(self.help_texts), **kwargs)

    def shows_account(self) -> bool:
        """Return True if the account is shown: several are configured. Tests have a badge instead."""
        return self.has_account and len(conf.real_accounts()) > 1

    def get_list_display(self, request: HttpRequest) -> Any:
        columns = self.visible_fields(request, self.list_display)
        return (*columns, "account_in_words") if self.shows_account() else columns

    @admin.display(description=_("account"))
    def account_in_words(self, row: Any) -> str:
        """Return the name of the account; in words if the app itself gave it."""
        return labels.account(row.account)

    def get_list_filter(self, request: HttpRequest) -> Any:
        filters = super().get_list_filter(request)
        return (*filters, AccountFilter) if self.has_account else filters

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return `fieldsets` without fields the user may not see, the account only if there are several.

        The page of a test begins with the badge.
        """
        is_test = self.is_test(obj)
        with_account = self.shows_account() and not is_test
        fieldsets: list[Any] = [(None, {"fields": ["about_test"]})] if is_test else []
        for title, options in self.fieldsets or ():
            names = [
                "account_in_words" if name == "account" else name
                for name in self._filled_fields(options["fields"], obj)
                if with_account or name != "account"
            ]
            if visible := self.visible_fields(request, names):
                fieldsets.append((title, {**options, "fields": visible}))
        return fieldsets

    def _filled_fields(self, names: Iterable[Any], row: Any) -> list[Any]:
        filled = (
            tuple(self._filled_fields(name, row))
            if isinstance(name, tuple)
            else ""
            if name in self.optional_fields and not getattr(row, name, None)
            else name
            for name in names
        )
        return [name for name in filled if name]

    def visible_fields(self, request: HttpRequest, names: Iterable[Any]) -> list[Any]:
        """Replace or drop the personal fields if the user may not see them; tuples are fields in one line."""
        if may_see_persons(request):
            return list(names)
        visible = (
            tuple(self.visible_fields(request, name))
            if isinstance(name, tuple)
            else self.personal_fields.get(name, "" if is_personal(self.model, str(name)) else name)
            for name in names
        )
        return [name for name in visible if name]
