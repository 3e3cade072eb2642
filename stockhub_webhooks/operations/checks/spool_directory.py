"""Checks of the spool directory, which takes messages while the database is unavailable.

It holds personal data. Its messages were accepted with 2xx, and exist nowhere else.
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
# types of network file systems as the kernel names them, without the prefix "fuse."
NETWORK = {"9p", "afs", "ceph", "cifs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
NETWORK |= {"gcsfuse", "rclone", "s3fs", "smb", "smb2", "sshfs"}


def unwritable() -> Iterable[CheckMessage]:
    """E015: `SPOOL_DIR` exists, but cannot be written to."""
    folder = spool.directory()
    if folder is None or not os.path.lexists(folder):
        return
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        yield Error(
            f"{NAME}['SPOOL_DIR'] is not a directory that this process can write to: {folder}",
            hint=f"Make the user of the server its owner: chown that-user {folder} && chmod 700 {folder}",
            id="stockhub_webhooks.E015",
        )


def cannot_be_created() -> Iterable[CheckMessage]:
    """W006: `SPOOL_DIR` does not exist, and cannot be created when it is needed."""
    folder = spool.directory()
    if folder is None or os.path.lexists(folder):
        return
    parent = next(parent for parent in folder.absolute().parents if parent.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        yield Warning(
            f"{NAME}['SPOOL_DIR'] does not exist, and this process cannot create it in {parent}",
            hint=f"Create it for the user of the server: install -d -m 700 -o that-user {folder}",
            id="stockhub_webhooks.W006",
        )


def relative() -> Iterable[CheckMessage]:
    """W027: `SPOOL_DIR` is a relative path. The server and the worker may start in different directories."""
    folder = spool.directory()
    if folder is not None and not folder.is_absolute():
        yield Warning(
            f"{NAME}['SPOOL_DIR'] is {str(folder)!r}, which depends on the directory in which a process starts: the "
            "worker may not find the messages of the server.",
            hint="Use an absolute path, such as /var/lib/shop/stockhub-spool.",
            id="stockhub_webhooks.W027",
        )


def public() -> Iterable[CheckMessage]:
    """W007: `SPOOL_DIR` is inside one that the web server serves."""
    folder = spool.directory()
    if folder is None:
        return
    for setting, directory in conf.public_directories():
        if folder.resolve().is_relative_to(directory.resolve()):
            yield Warning(
                f"{NAME}['SPOOL_DIR'] is inside {setting}, so anyone could download the orders of customers.",
                hint="Use a directory that the web server does not serve, such as /var/lib/shop/stockhub-spool.",
                id="stockhub_webhooks.W007",
            )


def readable_by_others() -> Iterable[CheckMessage]:
    """W008: other users of the machine can read `SPOOL_DIR`."""
    folder = spool.directory()
    if folder is None or os.name != "posix" or not folder.is_dir():
        return
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Warning(
            f"{NAME}['SPOOL_DIR'] can be read or written by other users of this machine (mode {mode:o}): {folder}",
            hint=f"Restrict it: chmod 700 {folder}",
            id="stockhub_webhooks.W008",
        )


def on_network() -> Iterable[CheckMessage]:
    """W009: `SPOOL_DIR` on a network file system, which can fail with the database and may report a false fsync."""
    folder = spool.directory()
    kind = file_system(folder) if folder else ""
    if kind.removeprefix("fuse.") in NETWORK:
        yield Warning(
            f"{NAME}['SPOOL_DIR'] is on a network file system ({kind}), which may fail together with the database.",
            hint="Use a directory on a local disk; each server of a cluster needs its own.",
            id="stockhub_webhooks.W009",
        )


def file_system(path: Path) -> str:
    """Return the type of the file system of a path, which need not exist; "" if unknown (not on Linux)."""
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
        mount_point = Path(_unescape(mounted.split()[4]))
        # a later mount at the same mount point hides the earlier one
        if path.is_relative_to(mount_point) and len(mount_point.parts) >= longest:
            longest, kind = len(mount_point.parts), source.split()[0]
    return kind


def _unescape(text: str) -> str:
    """Decode the octal escapes of mountinfo, in which a space is 040 after a backslash."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


CHECKS = (unwritable, cannot_be_created, relative, public, readable_by_others, on_network)
