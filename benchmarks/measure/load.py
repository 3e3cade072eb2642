"""wrk, the driver: clients that post one message after the other, each as soon as the former is answered."""

import itertools
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

SCRIPT = Path(__file__).with_name("post.lua")
RUNS = itertools.count(1)


def is_there():
    """Whether wrk is installed."""
    return shutil.which("wrk") is not None


def post(url, *, clients, seconds, headers, **source):
    """One run; milliseconds are in `p50`, `p99` and `longest`, requests a second in `rate`.

    Args:
        url: where all is sent to.
        clients: how many connections.
        seconds: for how long, a whole number.
        headers: by name.
        source: `payload`, a file; or `bodies`, `signature` and `offset`, see post.lua.
    """
    # numbers of 17 digits that no other run has, as the clock goes on
    prefix = f"{int(time.time()) % 10**6:06d}{next(RUNS) % 1000:03d}"
    variables = {f"SPEED_{name.upper()}": str(value) for name, value in source.items()}
    lines = "\n".join(f"{name}: {value}" for name, value in headers.items())
    done = subprocess.run(
        ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "10s", "--latency", "-s", SCRIPT, url],
        env=os.environ | variables | {"SPEED_HEADERS": lines, "SPEED_PREFIX": prefix},
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"^MEASURED (.*)$", done.stdout, re.MULTILINE)
    if not found:
        raise RuntimeError(f"wrk failed: {done.stdout}{done.stderr}")
    measured = json.loads(found[1])
    return measured | {"rate": measured["requests"] / measured["seconds"]}
