"""A child process that posts versions of orders through the view, as a web worker would get them.

Reads JSON lines [topic, body] from standard input; prints each answer's status code.
"""

import json
import os
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.shop.settings"
django.setup()

from django.test import Client  # noqa: E402

client = Client(raise_request_exception=False)
for line in sys.stdin:
    topic, body = json.loads(line)
    answer = client.post(
        f"/api/v1/stockhub/{topic}",
        json.dumps(body),
        content_type="application/json",
        headers={"x-api-key": "the-key-of-the-tests-0123456789"},
    )
    print(answer.status_code, flush=True)
