"""A PostgreSQL of one's own, that may be stopped at any moment.

It keeps PostgreSQL's own defaults for what is written when: a commit that was answered survives the stop.
"""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from benchmarks.breaking import children
from tests.processes import free_port

WAIT_SECONDS = 60


def binaries():
    """The folder of the newest PostgreSQL's programs here, None where there is none."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if folders:
        return max(folders, key=lambda folder: [int(part) for part in folder.parent.name.split(".")])
    found = shutil.which("postgres")
    return Path(found).resolve().parent if found else None


class PostgreSQL:
    """A server process with everything in one directory. It refuses to run as root, so then it runs as postgres.

    Args:
        place: the folder in which its own is made.
        settings: PostgreSQL's, by name. `fsync="off"` loses nothing while the machine itself stands.
    """

    def __init__(self, *, place=None, **settings):
        self.settings = settings
        self.binaries = binaries()
        if self.binaries is None:
            raise FileNotFoundError("PostgreSQL's programs are not installed here: `apt-get install postgresql`")
        self.folder = Path(tempfile.mkdtemp(prefix="stockhub-postgresql-", dir=place))
        self.data = self.folder / "data"
        self.user = {}
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
            self.user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        self.port = free_port()
        self.password = secrets.token_hex(16)
        self.process = None

    def __enter__(self):
        try:
            self._make()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exception):
        self.close()

    @property
    def url(self):
        """The address of the database of the shop."""
        return f"postgres://stockhub:{self.password}@127.0.0.1:{self.port}/stockhub"

    def start(self):
        """Start it, and wait until it answers. What a killed one left behind may be in the way at first."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not self.answers():
            assert time.monotonic() < deadline, f"PostgreSQL does not start: {self.log()[-2000:]}"
            if self.process is None or self.process.poll() is not None:
                self.process = self._launch()
            time.sleep(0.1)

    def answers(self):
        """Whether it takes connections."""
        if self.process is None or self.process.poll() is not None:
            return False
        return self._program("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), check=False) == 0

    def stop(self, number=signal.SIGQUIT):
        """Stop it: SIGQUIT is `pg_ctl -m immediate`, SIGINT is the polite one, SIGKILL takes its head alone."""
        self.process.send_signal(number)
        self.process.wait(WAIT_SECONDS)

    def processes(self):
        """Return its process ids, the first process first."""
        return [self.process.pid, *children(self.process)]

    def hang(self):
        """Stop all its processes where they stand (SIGSTOP): connections stay open, and nothing is said on them."""
        for pid in self.processes():  # the first makes no new ones then
            self._signal(pid, signal.SIGSTOP)

    def go_on(self):
        """End what `hang` began."""
        for pid in reversed(self.processes()):
            self._signal(pid, signal.SIGCONT)

    @staticmethod
    def _signal(pid, number):
        with suppress(ProcessLookupError):
            os.kill(pid, number)

    def log(self):
        """What it wrote."""
        with suppress(FileNotFoundError):
            return (self.folder / "server.log").read_text(errors="replace")
        return ""

    def run(self, sql):
        """Run a statement in another database than the shop's."""
        address = f"host=127.0.0.1 port={self.port} user=stockhub dbname=postgres"
        self._program("psql", "-q", "-X", "-v", "ON_ERROR_STOP=1", "-c", sql, address)

    def refuse(self):
        """End all connections to the shop's database, and let no new ones in."""
        self.run("ALTER DATABASE stockhub ALLOW_CONNECTIONS false")
        self.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'stockhub'")

    def admit(self):
        """Let connections in again."""
        self.run("ALTER DATABASE stockhub ALLOW_CONNECTIONS true")

    def back_up(self, *options):
        """Copy the running server; return the copy's folder, which ends where the copy ended."""
        copy = self.folder / "copy"
        address = f"host=127.0.0.1 port={self.port} user=stockhub"
        self._program(
            "pg_basebackup", "--checkpoint=fast", "--wal-method=stream", *options, f"--pgdata={copy}", "-d", address
        )
        return copy

    def replica(self):
        """Return a streaming replica, which is started by `with` and closed before this server."""
        replica = PostgreSQL(place=self.folder.parent, **self.settings)
        replica.password = self.password
        shutil.move(self.back_up("--write-recovery-conf"), replica.data)
        return replica

    def close(self):
        """Stop it, and leave nothing behind."""
        if self.process is not None and self.process.poll() is None:
            self.go_on()  # it may hang
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make(self):
        if self.data.exists():  # a copy
            return
        words = self.folder / "password"
        words.write_text(self.password)
        words.chmod(0o600)
        if self.user:
            shutil.chown(words, "postgres", "postgres")
        self._program(
            "initdb", f"--pgdata={self.data}", "--username=stockhub", f"--pwfile={words}", "--auth=scram-sha-256",
            "--encoding=UTF8", "--locale=C", "--no-sync",
        )  # fmt: skip
        self.start()
        self.run("CREATE DATABASE stockhub")

    def _launch(self):
        place = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": ""}
        options = [part for name, value in (self.settings | place).items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "server.log").open("ab") as log:
            return subprocess.Popen(
                [self.binaries / "postgres", "-D", self.data, *options],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is meant for us, who stop it ourselves
                **self.user,
            )

    def _program(self, name, *arguments, check=True):
        done = subprocess.run(
            [self.binaries / name, *arguments],
            cwd=self.folder,
            env=os.environ | {"PGPASSWORD": self.password},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **self.user,
        )
        assert not check or done.returncode == 0, f"{name} failed: {done.stderr}"
        return done.returncode
