"""Build a shop of django-oscar with our wheel and the code of docs/guides/oscar.md.

The environment stays under `.run/`; the project is copied anew, and is the shop's own.
"""

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
ENVIRONMENT = ROOT / ".run" / "oscar-venv"
REQUIREMENTS = (
    "django~=5.2.0", "django-oscar==4.2.1", "easy-thumbnails", "pycountry", "dj-database-url", "factory-boy",
    "psycopg[binary]", "pytest", "pytest-django",
)  # fmt: skip
PYTHON = ENVIRONMENT / "bin" / "python"
GUIDE = ROOT / "docs" / "guides" / "oscar.md"


def build(project):
    """Build the shop in a folder that does not exist yet; return the interpreter that runs it."""
    ENVIRONMENT.parent.mkdir(exist_ok=True)
    with ENVIRONMENT.with_suffix(".lock").open("w") as lock:  # the tests of other databases use it, too
        fcntl.flock(lock, fcntl.LOCK_EX)
        install()
    shutil.copytree(HERE / "project", project)
    settings, receivers, test = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    (project / "stockhub_settings.py").write_text(settings)
    (project / "fulfilment" / "stockhub_receivers.py").write_text(receivers)
    (project / "fulfilment" / "test_stockhub.py").write_text(test)
    for path, template in re.findall(r"```html\+django\n{# (\S+) #}\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL):
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(template)
    return PYTHON


def install():
    """Install Oscar, unless it is there, and the wheel of this checkout, unless it is the same."""
    ready = ENVIRONMENT / f"ready-{hashlib.sha256(' '.join(REQUIREMENTS).encode()).hexdigest()[:12]}"
    if not ready.exists():
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        pip("install", *REQUIREMENTS)
        ready.touch()
    with tempfile.TemporaryDirectory() as folder:
        pip("wheel", "--no-deps", "--wheel-dir", folder, str(ROOT))
        (wheel,) = Path(folder).glob("*.whl")
        digest = digest_of(wheel)
        if ready.read_text() != digest:
            pip("install", str(wheel))
            pip("install", "--force-reinstall", "--no-deps", str(wheel))
            ready.write_text(digest)


def digest_of(wheel):
    """Return a digest of the files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return hashlib.sha256(b"".join(archive.read(name) for name in sorted(archive.namelist()))).hexdigest()


def pip(*arguments):
    """Run pip in the shop's environment."""
    command = [PYTHON, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, stdout=sys.stderr)
