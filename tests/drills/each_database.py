"""Run Python on each database that is there: `python -m tests.drills.each_database ARGUMENTS`."""

import os
import subprocess
import sys

from run import DATABASES, ROOT, url_of


def run(arguments_for):
    """Run Python on each database, with what `arguments_for` returns for its name; return the last exit code but 0."""
    code = 0
    for name, variable, _extra in DATABASES:
        if url := url_of(variable):
            environment = os.environ | {"DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
            print(f"== on {name}", flush=True)
            command = [sys.executable, *arguments_for(name.lower())]
            code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode or code
        else:
            print(f"{name}: not run, for {variable} is not set")
    return code


if __name__ == "__main__":
    sys.exit(run(lambda _name: sys.argv[1:]))
