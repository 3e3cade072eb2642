"""Rows that are written together: in one statement where the database can do that, else one after the other.

Most of what a statement costs is the way to the database and back. PostgreSQL writes to several tables on one way,
even rows that point at others which get their keys by the same statement:
https://www.postgresql.org/docs/current/queries-with.html#QUERIES-WITH-MODIFYING
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from operator import attrgetter, methodcaller
from typing import Any

from django.db import DatabaseError, connections, models
from django.db.models.signals import post_save, pre_save

from stockhub_webhooks.db.statements import Text, columns, insert_text, pointed_at, run, update_text

ROWS_AT_ONCE = 500  # PostgreSQL takes 65,535 values with one statement

Rows = Sequence[models.Model]
Values = Mapping[str, Any]
Pointer = tuple[models.Model, Any, models.Model]  # a row, its relation, the row that it points at


def insert(rows: Rows, using: str, *, left_out: frozenset[str] = frozenset()) -> None:
    """INSERT rows of one model, which then know their keys: in one statement where the database tells them.

    Args:
        rows: not saved yet.
        using: the database's alias.
        left_out: names of fields whose values are the database's own defaults in all rows.

    Raises:
        django.db.Error: the database would not.
    """
    writes = Writes(using)
    writes.insert(rows, left_out=left_out)
    writes.run()


def update(model: type[models.Model], using: str, where: Values, values: Values) -> int:
    """UPDATE the rows whose fields have the values of `where`; how many there were."""
    return int(run(connections[using], *update_text(model, using, where, values), attrgetter("rowcount")))


class Writes:
    """What is to be written, in its sequence; it is, once it is `run`."""

    def __init__(self, using: str) -> None:
        self._using = using
        self._steps: list[_Insert | _Update] = []

    def insert(self, rows: Rows, *, left_out: frozenset[str] = frozenset()) -> None:
        """INSERT rows of one model, not saved yet. They may point at rows that are inserted before them."""
        if rows:
            self._steps.append(_Insert(rows, left_out, self._using))

    def save(self, row: models.Model, names: Sequence[str]) -> None:
        """UPDATE these fields of a row, as its own `save` does."""
        self._steps.append(_Save(row, names, self._using))

    def update(self, model: type[models.Model], where: Values, values: Values, missed: Exception) -> None:
        """UPDATE the row whose fields have the values of `where`; `missed` is raised where there is none."""
        self._steps.append(_Update(model, where, values, missed, self._using))

    def run(self) -> None:
        """Write it all; the rows that were inserted know their keys then.

        Raises:
            django.db.Error: the database would not.
            Exception: what an `update` was to raise.
        """
        for step in self._steps:
            step.before()
        if self._can_be_one():
            _run_as_one(self._steps, self._using)
        else:
            for step in self._steps:
                step.run()
        done, self._steps = self._steps, []
        for step in done:
            step.after()

    def _can_be_one(self) -> bool:
        if len(self._steps) < 2 or connections[self._using].vendor != "postgresql":
            return False
        tables = [step.model for step in self._steps]
        # an UPDATE does not see what else is done to its table by the same statement
        sees_all = all(tables.count(step.model) == 1 for step in self._steps if isinstance(step, _Update))
        return sees_all and sum(len(step.rows) for step in self._steps) <= ROWS_AT_ONCE


# ---------------------------------------------------------------- all of it in one statement


def _run_as_one(steps: Sequence[_Insert | _Update], using: str) -> None:
    """Each step under a name of its own, which tells the keys of the rows that it wrote, in their sequence."""
    pointers = [pointer for step in steps for pointer in step.pointers()]
    _point(pointers)  # some may have been saved meanwhile
    targets = {id(target) for _, _, target in pointers}
    keys: dict[int, str] = {}
    texts: list[str] = []
    parameters: list[Any] = []
    for number, step in enumerate(steps):
        sql, values = step.text(keys)
        texts.append(f"written_{number} AS ({sql})")
        parameters += values
        for place, row in enumerate(step.rows):
            if id(row) in targets:
                keys[id(row)] = f"(SELECT * FROM written_{number} OFFSET {place} LIMIT 1)"  # noqa: S608 - names of ours
    told = ", ".join(f"ARRAY(SELECT * FROM written_{number})" for number in range(len(steps)))  # noqa: S608 - names of ours
    sql = f"WITH {', '.join(texts)} SELECT {told}"
    answer = run(connections[using], sql, parameters, methodcaller("fetchone"))
    for step, written in zip(steps, answer, strict=True):
        step.learn(written)
    _point(pointers)


def _point(pointers: Iterable[Pointer]) -> None:
    for row, field, target in pointers:
        setattr(row, field.attname, target.pk)


# ---------------------------------------------------------------- its steps


class _Insert:
    """Rows of one model that are not there yet."""

    def __init__(self, rows: Rows, left_out: frozenset[str], using: str) -> None:
        self.rows = rows
        self.model = type(rows[0])
        self.left_out = left_out
        self.using = using
        self.features = connections[using].features

    def run(self) -> None:
        """By itself, in as many statements as the database needs."""
        _point(self.pointers())
        if not self.features.can_return_rows_from_bulk_insert:
            for row in self.rows:
                row.save(using=self.using, force_insert=True)
            return
        most = _rows_at_once(self.model, self.using, self.left_out)
        written: list[Any] = []
        for start in range(0, len(self.rows), most):
            text = insert_text(self.rows[start : start + most], self.using, self.left_out, {})
            written += run(connections[self.using], *text, methodcaller("fetchall"))
        self.learn([key for (key,) in written])

    def text(self, keys: Mapping[int, str]) -> Text:
        """The statement, which tells their keys, and its parameters."""
        return insert_text(self.rows, self.using, self.left_out, keys)

    def learn(self, written: Sequence[Any]) -> None:
        """What the statement told."""
        for row, key in zip(self.rows, written, strict=True):
            row.pk = key
            row._state.db, row._state.adding = self.using, False

    def pointers(self) -> Iterator[Pointer]:
        """Where a relation was set to a row that had no key then."""
        for field in _relations(self.model):
            for row in self.rows:
                if target := pointed_at(row, field):
                    yield row, field, target

    def before(self) -> None:
        """Django's own signals are sent as by `save`: a shop may listen to those of our models, too."""
        self._announce(pre_save)

    def after(self) -> None:
        """As `before`."""
        self._announce(post_save, created=True)

    def _announce(self, signal: Any, **more: Any) -> None:
        if self.features.can_return_rows_from_bulk_insert and signal.has_listeners(self.model):
            for row in self.rows:
                signal.send(self.model, instance=row, using=self.using, raw=False, update_fields=None, **more)


class _Update:
    """One row that is as `where` says, or else `missed` is raised."""

    rows: Rows = ()

    def __init__(self, model: type[models.Model], where: Values, values: Values, missed: Exception, using: str) -> None:
        self.model = model
        self.where = where
        self.values = values
        self.missed = missed
        self.using = using

    def run(self) -> None:
        """By itself."""
        if not update(self.model, self.using, self.where, self.values):
            raise self.missed

    def text(self, keys: Mapping[int, str]) -> Text:
        """The statement, which tells whether there was such a row, and its parameters."""
        sql, parameters = update_text(self.model, self.using, self.where, self.values)
        return f"{sql} RETURNING 1", parameters

    def learn(self, written: Sequence[Any]) -> None:
        """What the statement told."""
        if not written:
            raise self.missed

    def pointers(self) -> Iterator[Pointer]:
        """Its values are what they are."""
        return iter(())

    def before(self) -> None:
        """Django sends no signal of such an UPDATE."""

    def after(self) -> None:
        """As `before`."""


class _Save(_Update):
    """Fields of a row that is there."""

    def __init__(self, row: models.Model, names: Sequence[str], using: str) -> None:
        missed = DatabaseError(f"{row._meta.label} {row.pk} is gone")
        super().__init__(type(row), {row._meta.pk.name: row.pk}, {}, missed, using)
        self.row = row
        self.names = names

    def before(self) -> None:
        """As `save` does; a listener may still change the row."""
        self._announce(pre_save)
        by_name = columns(self.model, self.using)
        self.values = {name: getattr(self.row, by_name[name].name) for name in self.names}

    def after(self) -> None:
        """As `before`."""
        self._announce(post_save, created=False)

    def _announce(self, signal: Any, **more: Any) -> None:
        names = frozenset(self.names)
        signal.send(self.model, instance=self.row, using=self.using, raw=False, update_fields=names, **more)


@cache
def _rows_at_once(model: type[models.Model], using: str, left_out: frozenset[str]) -> int:
    """How many rows fit into one statement."""
    fields = [column.field for column in columns(model, using, left_out).values()]
    return max(1, connections[using].ops.bulk_batch_size(fields, [None] * ROWS_AT_ONCE))


@cache
def _relations(model: type[models.Model]) -> list[Any]:
    return [field for field in model._meta.local_concrete_fields if field.is_relation]
