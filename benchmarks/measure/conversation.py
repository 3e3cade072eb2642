"""A program of `inside`, with Django in a process of its own, that is told what to do line by line."""

import json
import subprocess
import sys


class Conversation:
    """Starts `python -m benchmarks.measure.inside.NAME`; each request is a line of JSON, and so is each answer."""

    def __init__(self, name, environment, root):
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.measure.inside.{name}"],
            cwd=root,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.hear()  # it is ready

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def ask(self, **request):
        """Say what to do, and wait for the answer."""
        self.tell(**request)
        return self.hear()

    def tell(self, **request):
        """Say what to do."""
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def hear(self):
        """Wait for the answer."""
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args[-1]} ended with {self.process.wait()}, see above")
        return json.loads(line)

    def close(self):
        """End it."""
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def answer(handle):
    """The other side: answer each line by what `handle` gives for it, until there are no more."""
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(handle(**json.loads(line))), flush=True)
