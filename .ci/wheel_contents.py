"""Compare a wheel with the package in the checkout: `wheel_contents.py WHEEL` names each difference and ends with 1.

The tests run on the checkout, so the wheel has to hold the very same files.
"""

import sys
from fnmatch import fnmatch
from pathlib import Path
from zipfile import ZipFile

PACKAGE = Path(__file__).parent.parent / "stockhub_webhooks"
NEEDED = (
    "stockhub_webhooks/py.typed",
    "stockhub_webhooks/migrations/0001_initial.py",
    "stockhub_webhooks/locale/nl/LC_MESSAGES/*.mo",
    "stockhub_webhooks/management/commands/stockhub_worker.py",
    "*.dist-info/licenses/LICENSE",
)


def faults(wheel: Path) -> list[str]:
    """Return each fault of the wheel as a sentence."""
    with ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    ours = {
        path.relative_to(PACKAGE.parent).as_posix(): path.read_bytes()
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".pyo"}
    }
    found = [f"{pattern} is missing" for pattern in NEEDED if not any(fnmatch(name, pattern) for name in held)]
    found += [f"{name} is not in the wheel" for name in ours.keys() - held.keys()]
    found += [f"{name} differs from the checkout" for name in ours.keys() & held.keys() if ours[name] != held[name]]
    strange = [name for name in held.keys() - ours.keys() if not fnmatch(name.split("/")[0], "*.dist-info")]
    return found + [f"{name} does not belong into the wheel" for name in strange]


if __name__ == "__main__":
    sys.exit("\n".join(sorted(faults(Path(sys.argv[1])))) or 0)
