"""Kill processes and cut connections on each database that is there: some thousand points in each run.

`.run/kills-*.jsonl` keep the points that were reached, so the next run has others, and an interrupted one goes on.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from run import ROOT, RUN
from tests.drills import each_database

COUNTS = {"kills": 2000, "cuts": 500}


def main(name=""):
    """Run on the database of the environment, if its name is given, otherwise on all; return the exit code."""
    if name:
        return run(name)
    return each_database.run(lambda each: ["-m", "tests.drills.kills", each])


def run(name):
    """Run kills and cuts on a scratch database; return the exit code."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.host.settings"
    import django

    django.setup()
    from tests.kills.surroundings import prepare
    from tests.processes import Shop, scratch_database

    code = 0
    with tempfile.TemporaryDirectory() as folder, scratch_database(Path(folder)) as url:
        shop = Shop(url, Path(folder))
        prepare(shop)
        for what, count in COUNTS.items():
            if what == "cuts" and name == "sqlite":  # it has no connection
                continue
            arguments = ("--count", str(count), "--drill", str(RUN / f"kills-{name}-{what}.jsonl"))
            command = [sys.executable, "-m", "tests.kills", what, *arguments]
            code = subprocess.run(command, cwd=ROOT, env=shop.environment, check=False).returncode or code
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
