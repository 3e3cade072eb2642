"""Processes that post through the view at the same time, as several web workers would.

Reads JSON from standard input: for each process a list of [topic, body]. Prints each answer's status code.
"""

import json
import os
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.shop.settings"
django.setup()

from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402


def post(posts):
    client = Client(raise_request_exception=False)
    for topic, body in posts:
        answer = client.post(
            f"/api/v1/stockhub/{topic}",
            json.dumps(body),
            content_type="application/json",
            headers={"x-api-key": "the-key-of-the-tests-0123456789"},
        )
        os.write(1, f"{answer.status_code}\n".encode())  # one write, so that answers do not mix


reverse("stockhub_webhooks:order")  # imports the views once for all
children = []
for posts in json.load(sys.stdin):
    child = os.fork()
    if child:
        children.append(child)
        continue
    code = 1
    try:
        post(posts)
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)
sys.exit(max(os.waitpid(child, 0)[1] for child in children) != 0)
