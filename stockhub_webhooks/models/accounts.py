"""Rows that belong to an account, and how what came in as a test is told from what is real."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from django.db import models

from stockhub_webhooks.conf import TEST_ACCOUNT

if TYPE_CHECKING:
    from typing_extensions import Self

Row = TypeVar("Row", bound=models.Model)


class AccountQuerySet(models.QuerySet[Row]):
    """Rows by whose they are."""

    account_column: ClassVar[str] = "account"

    def of_account(self, account: str) -> Self:
        """Those that came with a key of this account."""
        return self.filter(**{self.account_column: account})

    def real(self) -> Self:
        """Those that are no test: what exports, charts and alarms count."""
        return self.exclude(**{self.account_column: TEST_ACCOUNT})


AccountManager = models.Manager.from_queryset(AccountQuerySet)


class OfAccount(models.Model):
    """Something that came with a key of an account."""

    account: str

    class Meta:
        abstract = True

    @property
    def is_test(self) -> bool:
        """Whether it came with a key of the account that is reserved for tests."""
        return self.account == TEST_ACCOUNT
