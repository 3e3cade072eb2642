"""Base classes of rows that belong to an account, so that test messages are kept apart from real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models

from stockhub_webhooks.conf import TEST_ACCOUNT
from stockhub_webhooks.models.base import Row, RowManager, RowModel, RowQuerySet

if TYPE_CHECKING:
    from typing_extensions import Self


class AccountQuerySet(RowQuerySet[Row]):
    """Base queryset of rows that belong to an account."""

    account_column: ClassVar[str] = "account"

    def of_account(self, account: str) -> Self:
        """Filter by account."""
        return self.filter(**{self.account_column: account})

    def real(self) -> Self:
        """Exclude the rows of the test account, as exports, charts and alarms do."""
        return self.exclude(**{self.account_column: TEST_ACCOUNT})


class AccountManager(RowManager[Row]):
    """Manager of rows that belong to an account.

    Written out, since type checkers without Django's mypy plugin cannot follow `Manager.from_queryset`.
    """

    def get_queryset(self) -> AccountQuerySet[Row]:
        """Return a queryset that can be filtered by account."""
        return AccountQuerySet(self.model, using=self._db)

    def of_account(self, account: str) -> AccountQuerySet[Row]:
        """Filter by account."""
        return self.get_queryset().of_account(account)

    def real(self) -> AccountQuerySet[Row]:
        """Exclude the rows of the test account."""
        return self.get_queryset().real()


class AccountModel(RowModel):
    """Base class of models with an `account`: the configured set of keys that the message came with."""

    account: models.CharField[str, str]

    class Meta:
        abstract = True

    @property
    def is_test(self) -> bool:
        """True if the row belongs to the account "test", which is reserved for tests."""
        return self.account == TEST_ACCOUNT
