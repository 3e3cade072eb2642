"""Output of the commands: a terminal obeys control characters, so none of a stranger reaches it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.db import Error as DatabaseFault
from django.db import InterfaceError, OperationalError

from stockhub_webhooks.db.faults import is_missing_table
from stockhub_webhooks.visible import isolated

STREAMS = ("stdout", "stderr")


def has_nul(values: Iterable[Any]) -> bool:
    """Return True if one of the values, or of the values in a list, has a NUL character; PostgreSQL refuses it."""
    return any(
        "\0" in value if isinstance(value, str) else isinstance(value, (list, tuple)) and has_nul(value)
        for value in values
    )


def database_sentence(fault: DatabaseFault) -> str:
    """Return what is wrong with the database and what to do; "" if the fault is that of a statement."""
    if is_missing_table(fault):
        return "a table or a column is missing in the database: run python manage.py migrate"
    if isinstance(fault, (OperationalError, InterfaceError)):
        return f"the database does not answer ({type(fault).__name__}): start it, and look at DATABASES"
    return ""


def confirmed(question: str) -> bool:
    """Ask on the terminal; return True for y or yes.

    Raises:
        CommandError: standard input has no answer, for example under cron.
    """
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError as error:
        raise CommandError("nobody answers: write --no-input to go on without being asked") from error


class VisibleOutput(OutputWrapper):
    """Output without invisible characters; Django's colours and the line end are added afterwards."""

    def write(self, msg: str = "", style_func: Any = None, ending: str | None = None) -> None:  # type: ignore[override]
        """Write a line."""
        super().write(isolated(msg), style_func, ending)


class SafeCommand(BaseCommand):
    """Base class of all commands.

    Attributes:
        writes_data: standard output is for a program, and has its own way to write such characters.
    """

    writes_data: ClassVar[bool] = False

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command with visible output, into the streams that `call_command` names."""
        if has_nul(options.values()):
            raise CommandError("an argument has a NUL character, which no text of ours has")
        outputs: Any = self.stdout, self.stderr
        stdout, stderr = (options.pop(name, None) or output._out for name, output in zip(STREAMS, outputs, strict=True))
        self.stdout = (OutputWrapper if self.writes_data else VisibleOutput)(stdout)
        self.stderr = VisibleOutput(stderr)
        self.stderr.style_func = outputs[1].style_func
        try:
            return super().execute(*args, **options)
        except DatabaseFault as fault:
            if sentence := database_sentence(fault):
                raise CommandError(sentence) from fault
            raise
