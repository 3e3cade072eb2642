"""The door of Stock Hub: one POST in, one answer out, and no 2xx for what is not stored.

A plain Django view: DRF's content negotiation would refuse a strange `Accept` or `?format=`, and the host's
REST_FRAMEWORK defaults would reach it. Here the body is JSON whatever the headers say, and so is the answer.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseFault
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import HttpHeaders
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables

from stockhub_webhooks import runners, signals
from stockhub_webhooks.conf import conf
from stockhub_webhooks.exceptions import BodyTooLarge, NotStored, Refused, Unreadable, error_location
from stockhub_webhooks.logs import about, logger_of
from stockhub_webhooks.models import Message
from stockhub_webhooks.operations.health import alarm
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.rules import as_json
from stockhub_webhooks.processing import pipeline
from stockhub_webhooks.receiving import journal, refusals
from stockhub_webhooks.receiving.authentication import authenticate
from stockhub_webhooks.serializers.fields import clean_text

logger = logger_of(__name__)

CHUNK_BYTES = 64 * 1024
DRAIN_BYTES = 8 * 1024 * 1024
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}  # whatever the host's middleware is
MAX_DIGITS = 16  # of a length; a column holds that
ADDRESS_LENGTH = 45
ADDRESS_AND_PORT = re.compile(r"\[(.+)\](?::\d+)?|([\d.]+):\d+")  # as some proxies write it
KEPT_HEADERS = [(name, HttpHeaders.to_wsgi_name(name)) for name in journal.KEPT_HEADERS]


class Answer(HttpResponse):
    """A JSON answer that goes on working once the sender has it."""

    def __init__(
        self,
        data: dict[str, Any],
        *,
        after: Callable[[], None] | None = None,
        content_type: str = "application/json",
        **options: Any,
    ) -> None:
        super().__init__(json.dumps(data), content_type=content_type, headers=SECURITY_HEADERS, **options)
        self._after = after

    def close(self) -> None:
        """Called by the server when the answer is sent. What fails here is tried again later, by our rows."""
        after, self._after = self._after, None
        try:
            if after:
                after()
                alarm.check_if_due()
        except Exception as fault:
            logger.error("work after the answer failed (%s), it stays due", error_location(fault))
        finally:
            super().close()


def problem(status: int, title: str, detail: str, *, after: Callable[[], None] | None = None, **more: Any) -> Answer:
    """A problem body after RFC 9457."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return Answer(body, after=after, status=status, content_type="application/problem+json")


class ExemptView(View):
    """Deaf to what a host does to all its views: forced login, and a transaction around the request."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponse]:
        """Open to all, and outside the host's transactions on each database."""
        view: Any = login_not_required(super().as_view(**initkwargs))
        for alias in connections:
            view = transaction.non_atomic_requests(using=alias)(view)
        return view  # type: ignore[no-any-return]


class ReceiveView(ExemptView):
    """Receives the messages of one topic; "" is the shared URL, whose topic is the body's own."""

    topic = ""
    http_method_names = ["post"]

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponse]:
        """Deaf to the host's protection against other sites' forms, too."""
        return csrf_exempt(super().as_view(**initkwargs))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Answer, and let who measures know."""
        began = time.monotonic()
        response = super().dispatch(request, *args, **kwargs)
        seconds = time.monotonic() - began
        signals.delivery_answered.send_robust(Message, topic=self.topic, status=response.status_code, seconds=seconds)
        return response

    @sensitive_variables()
    def post(self, request: HttpRequest) -> Answer:
        """Authenticated, journaled, applied (where the runner does that here), answered."""
        try:
            sender = authenticate(request.META.get("HTTP_X_API_KEY"))
            body = read_body(request, conf.MAX_BODY_BYTES)
            runner = runners.current()
            message = Message(
                url_topic=self.topic,
                account=sender.account,
                key_fingerprint=sender.key_fingerprint,
                body=body,
                headers=journal.kept_headers(sent_headers(request)),
                remote_address=remote_address(request),
            )
            journal.store(message, claimed=runner.applies_in_request)
        except Refused as refusal:
            return self.refuse(request, refusal)
        except NotStored as fault:
            with about(message_id=str(message.uid)):
                logger.critical("a delivery to %r could not be stored and is LOST: %s", self.topic, fault)
            return problem(503, "Not stored", "The message could not be stored.")
        if message.pk is None:
            return Answer({"message": str(message.uid)}, status=202)
        if runner.applies_in_request:
            pipeline.process(message)
        return answer(message, after=lambda: runner.after_answer(message))

    @sensitive_variables()
    def refuse(self, request: HttpRequest, refusal: Refused) -> Answer:
        """Say no; count it, and perhaps keep the body, once that is said."""
        size = body = None
        if isinstance(refusal, BodyTooLarge):
            size = refusal.size
        else:
            try:
                body = read_body(request, refusals.KEPT_BODY_BYTES)
            except BodyTooLarge as too_large:
                size = too_large.size
        attempt = refusals.Attempt(
            reason=refusal.reason,
            url_topic=self.topic,
            remote_address=remote_address(request),
            key_fingerprint=refusal.key_fingerprint,
            size=size,
            body=body,
            headers=journal.kept_headers(sent_headers(request)),
        )
        return problem(refusal.status, refusal.title, str(refusal), after=lambda: refusals.note(attempt))

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Everything but POST."""
        response = problem(405, "Method not allowed", "Stock Hub's messages come by POST.")
        response["Allow"] = "POST"
        return response


def answer(message: Message, after: Callable[[], None]) -> Answer:
    """What the sender hears of a stored message. It never depends on the shop's receivers."""
    if message.status == Message.Status.APPLIED:
        return Answer({"message": message.pk, "outcome": message.outcome}, after=after)
    if message.status == Message.Status.QUARANTINED:
        reason = message.error.partition(":")[0]
        detail = Unreadable.REASONS.get(reason, message.error)
        return problem(406, "Not readable", detail, message=message.pk, after=after)
    return Answer({"message": message.pk}, status=202, after=after)


def sent_headers(request: HttpRequest) -> dict[str, str]:
    """The headers that are kept. `request.headers` would be made of all that came."""
    return {name: request.META[key] for name, key in KEPT_HEADERS if key in request.META}


def remote_address(request: HttpRequest) -> str:
    """Who is at the other end of the connection or, behind proxies of one's own, who was there for the first of them.

    Each proxy adds whom it saw at the right of `X-Forwarded-For`; what stands further left anybody may have written.
    """
    connected = clean_text(str(request.META.get("REMOTE_ADDR") or ""))[:ADDRESS_LENGTH]
    proxies = conf.TRUSTED_PROXIES
    if proxies < 1:
        return connected
    seen = str(request.META.get("HTTP_X_FORWARDED_FOR") or "").rsplit(",", proxies)[-proxies:]
    return (seen_address(seen[0]) if len(seen) == proxies else "") or connected


def seen_address(entry: str) -> str:
    """The address in an entry of `X-Forwarded-For`, without port and zone; "" where it holds none."""
    parts = ADDRESS_AND_PORT.fullmatch(entry.strip())
    text = parts[1] or parts[2] if parts else entry.strip()
    try:
        return str(ip_address(text.partition("%")[0]))
    except ValueError:
        return ""


def declared_length(request: HttpRequest) -> int:
    """What Content-Length says, in bytes; 0 where it says nothing that can be understood."""
    text = str(request.META.get("CONTENT_LENGTH") or "")
    if not (text.isascii() and text.isdecimal()):
        return 0
    return int(text) if len(text) < MAX_DIGITS else 10**MAX_DIGITS


def read_body(request: HttpRequest, limit: int) -> bytes:
    """The exact bytes, whole, chunked or not. A body that ends early is returned as far as it came.

    `request.body` is empty for a chunked request under WSGI, and trips the host's DATA_UPLOAD_MAX_MEMORY_SIZE.

    Raises:
        BodyTooLarge: it is longer than `limit` bytes; what follows was read and dropped, up to a bound, so
            that the sender is still there to hear the answer.
    """
    stream: Any = request
    if "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower() and "wsgi.input" in request.META:
        stream = request.META["wsgi.input"]
    declared = declared_length(request)
    oversized = declared > limit
    chunks: list[bytes] = []
    size = 0
    try:
        while chunk := stream.read(CHUNK_BYTES):
            size += len(chunk)
            if oversized or size > limit:
                oversized = True
                chunks.clear()
                if size > limit + DRAIN_BYTES:
                    break
            else:
                chunks.append(chunk)
    except Exception as error:  # an OSError, or a server's own kind, such as gunicorn's InvalidChunkSize
        logger.warning("a body ended early, after %s bytes (%s)", size, type(error).__name__)
    if oversized:
        raise BodyTooLarge(max(size, declared))
    return b"".join(chunks)


class HealthView(ExemptView):
    """Says that this process answers; and, to who has a key or works here, whether all is well."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest) -> JsonResponse:
        """200, without a look at the database; with a key or for staff the report, and 503 without a database."""
        if not may_see_details(request):
            return JsonResponse({"status": "ok"}, headers=SECURITY_HEADERS)
        report = collect_report()
        status = 503 if report.database else 200
        return JsonResponse(as_json(report), status=status, headers=SECURITY_HEADERS)


@sensitive_variables()
def may_see_details(request: HttpRequest) -> bool:
    """A valid key, also where none is required, or a member of the staff who is logged in."""
    if key := request.META.get("HTTP_X_API_KEY"):
        try:
            return bool(authenticate(key).key_fingerprint)
        except Refused:
            return False
    return is_staff_request(request)


def is_staff_request(request: HttpRequest) -> bool:
    """Whether it comes from a member of the staff who is logged in; nobody is while the database is away."""
    try:
        user: Any = getattr(request, "user", None)
        return bool(user and user.is_active and user.is_staff)
    except DatabaseFault:
        return False
