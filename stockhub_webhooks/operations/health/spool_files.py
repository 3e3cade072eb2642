"""Collects the state of the spool directory of this process for a health report."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

from django.utils.timezone import now

from stockhub_webhooks.operations.health.report import Backlog, OtherFiles, Spool
from stockhub_webhooks.operations.health.work import LATE_SECONDS
from stockhub_webhooks.receiving import journal_copy, spool, spool_owner

MAX_NAMES = 10
MAX_FILES_READ = 50  # a file of another database stays, so it is among the oldest


def collect_files(*, is_probed: bool) -> Spool:
    """Return the state of this process's spool directory, without a query.

    Args:
        is_probed: try to write a file.
    """
    write_fault = _write_fault() if is_probed else ""
    copy_fault = _copy_fault() if is_probed else ""
    try:
        times = {path: written_at for path in spool.files() if (written_at := _written_at(path))}
        late = [written_at for written_at in times.values() if now() - written_at >= timedelta(seconds=LATE_SECONDS)]
        return Spool(
            _backlog(list(times.values())),
            _backlog(late),
            spool.broken(),
            write_fault=write_fault,
            copy_fault=copy_fault,
            names=[path.name for path in times][:MAX_NAMES],
            others=_other_files(list(times)[:MAX_FILES_READ]),
        )
    except OSError as error:
        return Spool(fault=type(error).__name__, copy_fault=copy_fault)


def _write_fault() -> str:
    try:
        if spool.directory():
            spool.probe()
    except OSError as error:
        return type(error).__name__
    return ""


def _copy_fault() -> str:
    try:
        journal_copy.probe()
    except OSError as error:
        return type(error).__name__
    return ""


def _other_files(paths: list[Path]) -> list[OtherFiles]:
    """Return the files that belong to another database or schema, by owner."""
    here = spool_owner.current()
    by_owner: dict[spool_owner.Owner, list[Path]] = {}
    for path in paths:
        with suppress(OSError, ValueError):  # the import sets a broken file aside
            if (owner := spool_owner.owner_of(spool.read(path))) != here:
                by_owner.setdefault(owner, []).append(path)
    return [
        OtherFiles(
            " ".join(filter(None, owner)),
            [path.name for path in files[:MAX_NAMES]],
            spool_owner.import_command(owner, files[:MAX_NAMES]),
        )
        for owner, files in by_owner.items()
    ]


def _written_at(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.lstat().st_mtime, timezone.utc)
    except FileNotFoundError:  # another process has just imported it
        return None


def _backlog(times: list[datetime]) -> Backlog:
    return Backlog(len(times), min(times, default=None))
