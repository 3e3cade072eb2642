"""Findings on the directory that takes messages while the database is away.

It holds customers' names and addresses, and what is in it is answered 2xx and exists nowhere else.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name

from stockhub_webhooks.conf import NAME, conf
from stockhub_webhooks.receiving import spool

MOUNTS = Path("/proc/self/mountinfo")
# what a file system elsewhere calls itself; those of FUSE by the part after the dot
NETWORK = {"9p", "afs", "ceph", "cifs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
NETWORK |= {"gcsfuse", "rclone", "s3fs", "smb", "smb2", "sshfs"}


def unwritable() -> Iterable[CheckMessage]:
    """E015: it is there, and would take nothing."""
    folder = spool.directory()
    if folder is None or not os.path.lexists(folder):
        return
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        yield Error(
            f"{NAME}['SPOOL_DIR'] is no directory that this process may write to: {folder}",
            hint=f"Give it to the user that the server runs as: chown that-user {folder} && chmod 700 {folder}",
            id="stockhub_webhooks.E015",
        )


def not_to_be_made() -> Iterable[CheckMessage]:
    """W006: it is not there, and cannot be made when it is needed."""
    folder = spool.directory()
    if folder is None or os.path.lexists(folder):
        return
    above = _nearest(folder)
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        yield Warning(
            f"{NAME}['SPOOL_DIR'] does not exist, and this process may not make it in {above}",
            hint=f"Make it for the user that the server runs as: install -d -m 700 -o that-user {folder}",
            id="stockhub_webhooks.W006",
        )


def relative() -> Iterable[CheckMessage]:
    """W027: the server and the worker may be started in different directories."""
    folder = spool.directory()
    if folder is not None and not folder.is_absolute():
        yield Warning(
            f"{NAME}['SPOOL_DIR'] is {str(folder)!r}, which each process takes from where it was started: what the "
            "server puts there, the worker may never find.",
            hint="Write the whole path, such as /var/lib/shop/stockhub-spool.",
            id="stockhub_webhooks.W027",
        )


def public() -> Iterable[CheckMessage]:
    """W007: what a web server hands out must not hold orders."""
    folder = spool.directory()
    if folder is None:
        return
    for setting, place in conf.public_directories():
        if folder.resolve().is_relative_to(place.resolve()):
            yield Warning(
                f"{NAME}['SPOOL_DIR'] is inside {setting}, where anyone could fetch customers' orders from it.",
                hint="Name a directory outside of what the web server hands out, such as /var/lib/shop/stockhub-spool.",
                id="stockhub_webhooks.W007",
            )


def readable_by_others() -> Iterable[CheckMessage]:
    """W008: other users of the machine are none of the customers' business."""
    folder = spool.directory()
    if folder is None or os.name != "posix" or not folder.is_dir():
        return
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Warning(
            f"{NAME}['SPOOL_DIR'] is open to other users of this machine (mode {mode:o}): {folder}",
            hint=f"Close it: chmod 700 {folder}",
            id="stockhub_webhooks.W008",
        )


def far_away() -> Iterable[CheckMessage]:
    """W009: a network file system fails with the network, hangs, and may lie about what is on disk."""
    folder = spool.directory()
    kind = file_system(folder) if folder else ""
    if kind.removeprefix("fuse.") in NETWORK:
        yield Warning(
            f"{NAME}['SPOOL_DIR'] is on a network file system ({kind}), which may be away when the database is.",
            hint="Name a directory on a local disk; each server of a cluster has its own.",
            id="stockhub_webhooks.W009",
        )


def file_system(path: Path) -> str:
    """The kind of file system that a path is on, or would be; "" where that is not known (no Linux)."""
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    path = path.resolve()
    longest, kind = -1, ""
    for line in lines:
        mounted, _, source = line.partition(" - ")
        if not source:
            continue
        place = Path(_unescaped(mounted.split()[4]))
        # of two at the same place, the later one lies on top
        if path.is_relative_to(place) and len(place.parts) >= longest:
            longest, kind = len(place.parts), source.split()[0]
    return kind


def _unescaped(text: str) -> str:
    """Blanks and the like stand in mountinfo as three octal digits."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def _nearest(path: Path) -> Path:
    """The first directory above that exists."""
    return next(above for above in path.absolute().parents if above.exists())


CHECKS = (unwritable, not_to_be_made, relative, public, readable_by_others, far_away)
