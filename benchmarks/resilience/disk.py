"""A small disk that can be filled: a tmpfs, or a limit of the size of files if that may not be mounted."""

import errno
import shutil
import subprocess
import tempfile
from pathlib import Path


class SmallDisk:
    """A folder with so many MiB."""

    def __init__(self, size):
        self.size = size
        self.limited = ()

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="stockhub-disk-"))
        self.folder.chmod(0o755)
        options = f"size={self.size}m,mode=0755"
        mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder)]
        self.is_mounted = shutil.which("mount") is not None and _run(mount) == 0
        return self

    def __exit__(self, *exception):
        if self.is_mounted:
            _run(["umount", "--lazy", str(self.folder)])
        shutil.rmtree(self.folder, ignore_errors=True)

    def fill(self, pids, room):
        """Leave no space; without a disk of its own, let the files of these processes grow no larger than `room`."""
        if not self.is_mounted:
            self.limited = pids
            limit_files(pids, room)
            return
        with (self.folder / "ballast").open("wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(4096))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self):
        """Undo what `fill` did."""
        if self.is_mounted:
            (self.folder / "ballast").unlink()
        else:
            limit_files(self.limited, "unlimited")


def limit_files(pids, size, **user):
    """Let files of these processes, and of those that they start, grow to so many bytes."""
    for pid in pids:
        # of its own processes each user may set the soft limit, which the colon leaves alone
        subprocess.run(["prlimit", f"--pid={pid}", f"--fsize={size}:"], check=True, cwd="/", **user)


def _run(command):
    return subprocess.run(command, capture_output=True, check=False).returncode
