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

    def fill(self, pids, room, **user):
        """Leave no space; without a disk of its own, let the files of these processes grow no larger than `room`."""
        if not self.is_mounted:
            limit_files(pids, room, **user)
            return
        with (self.folder / "ballast").open("wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(4096))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self, pids, **user):
        """Undo what `fill` did, also for processes that started since."""
        if self.is_mounted:
            (self.folder / "ballast").unlink()
        else:
            limit_files(pids, "unlimited", **user)


def limit_files(pids, size, **user):
    """Let files of these processes, and of those that they start later, grow to so many bytes."""
    for pid in pids:
        # of its own processes each user may set the soft limit; the colon leaves the other one alone
        done = subprocess.run(["prlimit", f"--pid={pid}", f"--fsize={size}:"], check=False, cwd="/", **user)
        if done.returncode and Path(f"/proc/{pid}").exists():
            raise RuntimeError(f"prlimit failed for process {pid}")


def _run(command):
    return subprocess.run(command, capture_output=True, check=False).returncode
