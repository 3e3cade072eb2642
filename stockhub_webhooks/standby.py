"""WSGI application that keeps messages while the main server is down. It opens no database connection.

    gunicorn stockhub_webhooks.standby:application --bind 127.0.0.1:8001

It needs the settings of the main server (`DJANGO_SETTINGS_MODULE`) and its user. None of the host's middleware and URLs
is used. Each message goes to the spool, which the main server or the worker imports.
"""

from __future__ import annotations

from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_variables

django.setup(set_prefix=False)  # before the models are imported

# ruff: noqa: E402
from stockhub_webhooks.contract import topics
from stockhub_webhooks.contract.addresses import topic_of
from stockhub_webhooks.exceptions import BodyTooLarge, MethodNotAllowed, NotStored, Refused, error_location
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Message
from stockhub_webhooks.receiving import journal, refusals
from stockhub_webhooks.receiving.answers import WebhookResponse, problem
from stockhub_webhooks.receiving.incoming import remote_address
from stockhub_webhooks.receiving.kept_fields import HEADER_LIMIT
from stockhub_webhooks.receiving.slow_senders import read_refused_body, stop_reading
from stockhub_webhooks.serializers.body import NEARBY_ADDRESS
from stockhub_webhooks.serializers.fields import clean_text
from stockhub_webhooks.views import ReceiveView

logger = logger_of(__name__)


class StandbyView(ReceiveView):
    """Writes each message to the spool. The last part of the path names the topic, whatever the prefix is."""

    http_method_names = ["get", "head", "post"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Take the topic from the last part of the path; without one, the body decides."""
        last_part = request.path_info.rstrip("/").rpartition("/")[2]
        self.topic = topic_of(last_part)
        if self.topic and last_part not in topics.ALL:
            self.extra_headers = {NEARBY_ADDRESS: clean_text(last_part)[:HEADER_LIMIT]}
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        """Answer `health`: this process lives."""
        if request.path_info.rstrip("/").endswith("/health"):
            return WebhookResponse({"status": "ok"})
        return self.http_method_not_allowed(request)

    @sensitive_variables()
    def accept(self, message: Message) -> WebhookResponse:
        """Write the message to the spool, and answer.

        Raises:
            NotStored: the spool did not take it.
        """
        message.topic = message.url_topic
        try:
            journal.write_to_spool(message)
        except OSError as fault:
            raise NotStored(f"spool: {type(fault).__name__}") from fault
        return WebhookResponse({"message": str(message.uid)}, status=202)

    @sensitive_variables()
    def refuse(self, request: HttpRequest, refusal: Refused) -> WebhookResponse:
        """Refuse the delivery and log it; without a database, refusals are neither counted nor kept."""
        address = remote_address(request)
        if isinstance(refusal, BodyTooLarge):
            after = None
        else:
            read_refused_body(request, address)  # a sender that is still writing would not read the answer

            def after() -> None:
                stop_reading(request)

        refusals.log(refusals.RefusedRequest(refusal.reason, self.topic, address, refusal.key_fingerprint))
        return problem(refusal.status, refusal.title, str(refusal), after=after)

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer 405 to any method but POST."""
        response = problem(405, MethodNotAllowed.title, "Messages are accepted by POST only.")
        response["Allow"] = "POST"
        return response


class StandbyHandler(WSGIHandler):
    """Django's handler with one view instead of the host's middleware and URLs, which may need the database."""

    def load_middleware(self, is_async: bool = False) -> None:
        """Set the view as the whole chain."""
        view = StandbyView.as_view()

        def respond(request: HttpRequest) -> HttpResponse:
            try:
                return view(request)
            except Exception as fault:
                logger.critical("a delivery could not be stored and is LOST: %s", error_location(fault))
                return problem(503, "Not stored", "The message could not be stored.")

        self._middleware_chain = respond


application = StandbyHandler()
