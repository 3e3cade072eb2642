"""The views that receive Stock Hub's messages and report health.

They are plain Django views: DRF's content negotiation would refuse a strange `Accept` or `?format=`, and the host's
REST_FRAMEWORK defaults would apply. The body is read as JSON whatever its headers say, and the answer is JSON.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import DisallowedHost
from django.db import Error as DatabaseError
from django.db import connections, transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables

from stockhub_webhooks import runners, signals
from stockhub_webhooks.conf import TEST_ACCOUNT, conf
from stockhub_webhooks.contract.addresses import ACCOUNT_HEADER, topic_of
from stockhub_webhooks.exceptions import (
    BodyTooLarge,
    MethodNotAllowed,
    NotStored,
    Refused,
    Unreadable,
    WrongKey,
)
from stockhub_webhooks.logs import about, logger_of
from stockhub_webhooks.models import Message, RefusalReason
from stockhub_webhooks.office.access import may
from stockhub_webhooks.operations.health import alarm
from stockhub_webhooks.operations.health.kept_report import KEPT_REPORT
from stockhub_webhooks.operations.health.rules import as_json
from stockhub_webhooks.processing import pipeline
from stockhub_webhooks.receiving import journal, refusals, spool_import
from stockhub_webhooks.receiving.answers import SECURITY_HEADERS, CallbackResponse, WebhookResponse, problem
from stockhub_webhooks.receiving.authentication import Sender, authenticate, identify
from stockhub_webhooks.receiving.incoming import (
    check_unpacked_size,
    declared_length,
    declared_length_header,
    read_body,
    remote_address,
    sent_headers,
    take_key,
)
from stockhub_webhooks.receiving.kept_fields import HEADER_LIMIT, kept_headers
from stockhub_webhooks.receiving.slow_senders import read_refused_body, stop_reading
from stockhub_webhooks.serializers.body import NEARBY_ADDRESS
from stockhub_webhooks.serializers.fields import clean_text

logger = logger_of(__name__)


def refuse_secret(
    request: HttpRequest, reason: str, key_fingerprint: str, answer: CallbackResponse
) -> CallbackResponse:
    """Return the answer to a wrong secret, or 429 if its address sends too many; count it once that is sent."""
    refused = refusals.RefusedRequest(reason, "", remote_address(request), key_fingerprint)
    if refusals.count_guess(refused.remote_address):
        answer = problem(429, "Too many wrong keys", "Wait a minute, or send the right key.")
        answer["Retry-After"] = "60"

    def after() -> None:
        stop_reading(request)
        refusals.record(refused)
        alarm.check_if_due()

    answer.after = after
    return answer


@sensitive_variables()
def authenticated(request: Any) -> Sender:
    """Return the sender of a request; its account and the fingerprint of its key stay on the request, its key does not.

    Raises:
        WrongKey: the key is missing or not known.
    """
    sender = authenticate(take_key(request))
    request.stockhub_account, request.stockhub_key_fingerprint = sender
    return sender


class ExemptView(View):
    """Base class of views that are exempt from the host's `LoginRequiredMiddleware` and `ATOMIC_REQUESTS`."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponse]:
        """Return the view, open to all and outside a transaction on each database."""
        view: Any = login_not_required(super().as_view(**initkwargs))
        for alias in connections:
            view = transaction.non_atomic_requests(using=alias)(view)
        return view  # type: ignore[no-any-return]


class ReceiveView(ExemptView):
    """Receives the messages of one topic; at the shared URL the topic is "", and the body decides."""

    topic = ""
    extra_headers: Mapping[str, str] = MappingProxyType({})  # of our own, to be kept with those of the request
    http_method_names = ["post"]

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponse]:
        """Return the view, exempt from CSRF protection too."""
        return csrf_exempt(super().as_view(**initkwargs))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Answer the request, and send `delivery_answered` with its duration."""
        began = time.monotonic()
        response = super().dispatch(request, *args, **kwargs)
        seconds = time.monotonic() - began
        signals.delivery_answered.send_robust(Message, topic=self.topic, status=response.status_code, seconds=seconds)
        return response

    @sensitive_variables()
    def post(self, request: HttpRequest) -> WebhookResponse:
        """Authenticate, then store the message and answer; or refuse it."""
        try:
            message = self.read(request)
        except Refused as refusal:
            return self.refuse(request, refusal)
        try:
            return self.accept(message)
        except NotStored as fault:
            with about(message_id=str(message.uid)):
                logger.critical(
                    "a delivery to %r could not be stored and is LOST: %s; ask Winkelstraat for it", self.topic, fault
                )
            return problem(503, "Not stored", "The message could not be stored.")

    @sensitive_variables()
    def read(self, request: HttpRequest) -> Message:
        """Return the unsaved message of an authenticated request.

        Raises:
            Refused: the key is wrong, or the body is too large.
        """
        sender = authenticated(request)
        headers = kept_headers(sent_headers(request))
        body = read_body(request, conf.MAX_BODY_BYTES)
        check_unpacked_size(body, headers, conf.MAX_BODY_BYTES)
        return Message(
            url_topic=self.topic,
            account=sender.account,
            key_fingerprint=sender.key_fingerprint,
            body=body,
            headers={**headers, **self.extra_headers, **declared_length_header(request, body)},
            remote_address=remote_address(request),
        )

    @sensitive_variables()
    def accept(self, message: Message) -> WebhookResponse:
        """Store the message, apply it if the runner does so in the request, and answer.

        Raises:
            NotStored: neither the database nor the spool took it.
        """
        runner = runners.current()
        journal.store(message, claimed=runner.applies_in_request)
        if message.pk is None:  # stored in the spool
            return WebhookResponse({"message": str(message.uid)}, status=202)
        if runner.applies_in_request:
            pipeline.process(message)
        return answer(message, after=lambda: work_after_answer(runner, message))

    @sensitive_variables()
    def refuse(self, request: HttpRequest, refusal: Refused) -> WebhookResponse:
        """Refuse the delivery; after the answer, count it and keep a body that looks like Stock Hub's."""
        address = remote_address(request)
        size: int | None = declared_length(request) or None
        body = None
        if isinstance(refusal, BodyTooLarge):
            size, body = refusal.size, refusal.body
        elif isinstance(refusal, WrongKey):
            if refusal.key_fingerprint:
                refusals.count_guess(address)  # the answer is the same: the body may be a real message, and is kept
            size, body = read_refused_body(request, address)
        refused = refusals.RefusedRequest(
            reason=refusal.reason,
            url_topic=self.topic,
            remote_address=address,
            key_fingerprint=refusal.key_fingerprint,
            size=size,
            body=body,
            headers=kept_headers(sent_headers(request)),
        )

        def after() -> None:
            if body is None and not isinstance(refusal, BodyTooLarge):
                stop_reading(request)
            refusals.record(refused)
            alarm.check_if_due()

        return problem(refusal.status, refusal.title, str(refusal), after=after)

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer 405 to any method but POST, and count it if a key was sent, right or wrong."""
        response: CallbackResponse = problem(405, MethodNotAllowed.title, "Messages are accepted by POST only.")
        try:
            sender = authenticated(request)
            response = self.refuse(request, MethodNotAllowed(sender.key_fingerprint))
        except WrongKey as refusal:
            if refusal.key_fingerprint:
                response = refuse_secret(request, refusal.reason, refusal.key_fingerprint, response)
        response["Allow"] = "POST"
        return response


class NearbyView(ReceiveView):
    """Receives messages at addresses below our prefix that are no address of ours, such as `orders` or `Order`.

    A sender that makes such a mistake would not repeat its messages. Other methods get 404, as without this view.
    """

    http_method_names = ["post", "put", "patch"]

    def dispatch(self, request: HttpRequest, *args: Any, path: str, **kwargs: Any) -> Any:
        """Take the topic from the last part of the path, if that names one."""
        if (request.method or "").lower() not in self.http_method_names:
            raise Http404
        self.topic = topic_of(path)
        self.extra_headers = {NEARBY_ADDRESS: clean_text(path)[:HEADER_LIMIT]}
        return super().dispatch(request, *args, **kwargs)

    put = patch = ReceiveView.http_method_not_allowed


def work_after_answer(runner: runners.Runner, message: Message) -> None:
    """Run the runner's part, import a few files of this process's spool, and check the health if that is due."""
    try:
        runner.after_answer(message)
    finally:
        if spool_import.import_after_answer() and not runner.applies_in_request:
            runner.wake()
    alarm.check_if_due()


def answer(message: Message, after: Callable[[], None]) -> WebhookResponse:
    """Return the answer for a stored message. It never depends on the shop's receivers."""
    if message.status == Message.Status.APPLIED:
        return WebhookResponse({"message": message.pk, "outcome": message.outcome}, after=after)
    if message.status in (Message.Status.QUARANTINED, Message.Status.DISMISSED):
        reason = message.error.partition(":")[0]
        detail = Unreadable.REASONS.get(reason, message.error)
        return problem(406, "Not readable", detail, message=message.pk, after=after)
    return WebhookResponse({"message": message.pk}, status=202, after=after)


class HealthView(ExemptView):
    """Reports that this process answers; with the key of a real account or a permission, also the health of the app."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest) -> HttpResponse:
        """Answer 200 without a query; if more may be seen the report, with 503 if the database is down."""
        alive = WebhookResponse({"status": "ok"})
        try:
            account = account_of_key(request)
        except WrongKey as refusal:
            return refuse_secret(request, RefusalReason.HEALTH_KEY, refusal.key_fingerprint, alive)
        if account == TEST_ACCOUNT:
            alive[ACCOUNT_HEADER] = account  # for stockhub_doctor
            return alive
        if not account and not is_permitted_staff(request):
            return alive
        report = KEPT_REPORT.get()
        status = 503 if report.database else 200
        return JsonResponse(as_json(report, base_of(request)), status=status, headers=SECURITY_HEADERS)


def base_of(request: HttpRequest) -> str:
    """Return `SITE_URL`, or scheme and host of the request; "" for a host that `ALLOWED_HOSTS` lacks."""
    try:
        return conf.SITE_URL.rstrip("/") or f"{request.scheme}://{request.get_host()}"
    except DisallowedHost:
        return ""


@sensitive_variables()
def account_of_key(request: HttpRequest) -> str:
    """Return the account of the key that was sent (even if none is required), "" if none was sent.

    Raises:
        WrongKey: the key is not known.
    """
    key = str(take_key(request) or "").strip()
    return identify(key).account if key else ""


def is_permitted_staff(request: HttpRequest) -> bool:
    """Return True for staff who may view messages: the report counts them. Return False if the database is down."""
    try:
        user: Any = getattr(request, "user", None)
        return bool(user and user.is_active and user.is_staff and may(request, "view_message"))
    except DatabaseError:
        return False
