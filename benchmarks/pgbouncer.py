"""A PgBouncer of one's own, which hands each transaction to another server connection."""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.processes import free_port, wait_for_port

CONFIGURATION = """
[databases]
* = host={host} port={port} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {pool_size}
ignore_startup_parameters = {ignored}
"""


def program():
    """Return the path of PgBouncer; None if it is not installed."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def pgbouncer(url, pool_size, ignored="extra_float_digits,options"):
    """Yield another address of a database, behind so many server connections."""
    direct, port = urlsplit(url), free_port()
    with tempfile.TemporaryDirectory(prefix="stockhub-pgbouncer-") as folder:
        file = Path(folder) / "pgbouncer.ini"
        file.write_text(
            CONFIGURATION.format(
                host=direct.hostname,
                port=direct.port or 5432,
                user=direct.username,
                password=direct.password or "",
                listen_port=port,
                pool_size=pool_size,
                ignored=ignored,
            )
        )
        user = None if os.getuid() else "nobody"  # PgBouncer refuses to run as root
        if user:
            shutil.chown(folder, user)
            shutil.chown(file, user)
        process = subprocess.Popen([program(), file.name], cwd=folder, user=user, stderr=subprocess.DEVNULL)
        try:
            wait_for_port(process, port)
            yield f"postgres://{direct.username}@127.0.0.1:{port}{direct.path}"
        finally:
            process.terminate()
            process.wait(20)
