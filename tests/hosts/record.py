"""Receive messages, refuse some and lose one while Sentry records all of it; print what it would have sent.

Started as a process of its own: `python -m tests.hosts.record wsgi|asgi [pii] [stack]`.
"""

import asyncio
import io
import json
import sys

import django
import sentry_sdk
from sentry_sdk.transport import Transport

sent = []


class Recorder(Transport):
    """Transport that keeps what would be sent."""

    def capture_envelope(self, envelope):
        sent.append(envelope.serialize().decode())


GATEWAY, *OPTIONS = sys.argv[1:]
sentry_sdk.init(
    dsn="https://nobody@sentry.example/1",
    transport=Recorder,
    send_default_pii="pii" in OPTIONS,
    attach_stacktrace="stack" in OPTIONS,
    traces_sample_rate=1.0,
    max_request_body_size="always",
)
django.setup()

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connection

from stockhub_webhooks.exceptions import PermanentFailure
from stockhub_webhooks.signals import order_created
from tests.samples import contract

KEY = settings.STOCKHUB_WEBHOOKS["API_KEYS"]
PATH = "/api/v1/stockhub/"


def fail(sender, **kwargs):
    raise PermanentFailure("the shop does not know the article")


order_created.connect(fail, dispatch_uid="shop.fail")


class Post:
    """A request; frames that hold it show nothing of it."""

    def __init__(self, topic, body, key=KEY):
        self.topic, self.body, self.key = topic, body, key


def environ_of(post):
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": PATH + post.topic,
        "SERVER_NAME": "shop.example",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(post.body),
        "wsgi.errors": sys.stderr,
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(post.body)),
        "HTTP_X_API_KEY": post.key,
    }


def post_by_wsgi(post):
    statuses = []
    answer = get_wsgi_application()(environ_of(post), lambda status, headers, error=None: statuses.append(status))
    b"".join(answer)
    answer.close()
    return int(statuses[0][:3])


def scope_of(post):
    headers = {"host": "shop.example", "content-type": "application/json", "X-Api-Key": post.key}
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": PATH + post.topic,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }


def post_by_asgi(post):
    is_read = False
    statuses = []

    async def receive():
        nonlocal is_read
        if is_read:
            await asyncio.sleep(60)
        is_read = True
        return {"type": "http.request", "body": post.body, "more_body": False}

    async def send(event):
        statuses.append(event.get("status"))

    async def run():
        await get_asgi_application()(scope_of(post), receive, send)

    asyncio.run(run())
    return statuses[0]


def dumped(topic):
    return json.dumps(contract(topic)).encode()


def main():
    call_command("migrate", verbosity=0)
    post = {"wsgi": post_by_wsgi, "asgi": post_by_asgi}[GATEWAY]
    answers = [
        post(Post("order", dumped("order"))),
        post(Post("order", dumped("order")[:500])),
        post(Post("order", dumped("order"), KEY + "x")),
    ]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE stockhub_webhooks_message RENAME TO away")
    answers.append(post(Post("shipment", dumped("shipment"))))
    sentry_sdk.flush()
    print(json.dumps({"answers": answers, "sent": sent}))


main()
