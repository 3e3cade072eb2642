"""Descriptions of the receiving endpoints and their answers.

The view that receives is a plain Django view, which drf-spectacular does not look at; here is its likeness.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.urls import reverse
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema_field
from rest_framework import parsers, renderers
from rest_framework import serializers as rest
from rest_framework.views import APIView

from stockhub_webhooks import serializers
from stockhub_webhooks.conf import conf
from stockhub_webhooks.contract import topics
from stockhub_webhooks.contrib.openapi.bodies import component_name
from stockhub_webhooks.exceptions import BodyTooLarge, Unreadable, WrongKey
from stockhub_webhooks.models import Message
from stockhub_webhooks.testing import samples

TAG = "Stock Hub webhooks"
KEY_SCHEME = "StockHubKey"
PROBLEM = "application/problem+json"
Endpoint = tuple[str, str, str, Callable[..., Any]]

# topic ("" for the shared address) to what is sent there
SENT = {
    topics.ORDER: "an order",
    topics.SHIPMENT: "a shipment",
    topics.INVOICE: "an invoice",
    topics.RMA: "a return (RMA)",
    topics.CREDIT_MEMO: "a refund (credit memo)",
    topics.PAYMENT_REQUEST: "a request to pay for an order (V2)",
    "": "any of these, at one address",
}
DESCRIPTION = """
The sender is answered once the message is stored; the answer never depends on what the shop does with it.

The body is read as JSON whatever the headers say. Absent is the same as null. An unknown field or code, or a value
of another kind than is said here, is taken and noted, never refused. A message that was sent before, or that is older
than what is known, is answered 200 with the outcome `unchanged` or `stale`. A body with several documents is answered
200 with the outcome `split`, and each of them becomes a message of its own.
"""


@extend_schema_field({"type": "string", "enum": Message.Outcome.values})
class OutcomeField(rest.CharField):
    """Field for the outcome of a message."""


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "string", "format": "uuid"}]})
class NumberOrUidField(rest.CharField):
    """Field for the primary key of a message, or its uid if the database has not stored it yet."""


class AppliedSerializer(rest.Serializer[Any]):
    """The message is stored and applied."""

    message = rest.IntegerField(help_text="The number under which it is kept.")
    outcome = OutcomeField(help_text="What it changed.")

    class Meta:
        ref_name = "StockHubApplied"


class StoredSerializer(rest.Serializer[Any]):
    """The message is stored, and applied later. It need not be sent again."""

    message = NumberOrUidField(help_text="The number under which it is kept; a UUID while the database is away.")

    class Meta:
        ref_name = "StockHubStored"


class ProblemSerializer(rest.Serializer[Any]):
    """A problem, after RFC 9457."""

    type = rest.CharField(help_text="Always `about:blank`.")
    title = rest.CharField(help_text="The kind of problem, in a few words.")
    status = rest.IntegerField(help_text="The HTTP status.")
    detail = rest.CharField(help_text="What is wrong.")
    message = rest.IntegerField(required=False, help_text="The number under which the message is kept, if it is.")

    class Meta:
        ref_name = "StockHubProblem"


def problem(status: int, description: str, title: str, detail: str, **more: Any) -> OpenApiResponse:
    """Return an answer with a problem body."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    example = OpenApiExample(title, body, response_only=True, media_type=PROBLEM, status_codes=[str(status)])
    return OpenApiResponse(ProblemSerializer, description, [example])


def answers() -> dict[Any, OpenApiResponse]:
    """Every answer, by its status."""
    applied = OpenApiExample("Applied", {"message": 1042, "outcome": "created"}, response_only=True)
    stored = OpenApiExample("Stored", {"message": 1042}, response_only=True)
    key, size = WrongKey(), BodyTooLarge(conf.MAX_BODY_BYTES + 1)
    problems = (
        problem(WrongKey.status, "No key, or a wrong one.", key.title, str(key)),
        problem(405, "Not POST.", "Method not allowed", "Stock Hub's messages come by POST."),
        problem(
            406,
            "Not readable: not a JSON object, or no number that says which document it speaks of. It is kept, and "
            "somebody looks at it; sending it again does not help.",
            "Not readable",
            Unreadable.REASONS["no_identifier"],
            message=1043,
        ),
        problem(
            BodyTooLarge.status, f"Longer than {conf.MAX_BODY_BYTES} bytes. Nothing is kept.", size.title, str(size)
        ),
        problem(503, "Not stored: send it again later.", "Not stored", "The message could not be stored."),
    )
    return {
        200: OpenApiResponse(AppliedSerializer, "Stored and applied.", [applied]),
        202: OpenApiResponse(StoredSerializer, "Stored, and applied later.", [stored]),
        **{(answer.examples[0].value["status"], PROBLEM): answer for answer in problems},
    }


class ReceivingSchema(AutoSchema):
    """The description of one address."""

    @property
    def topic(self) -> str:
        """The topic of the address, "" for the shared one."""
        return str(getattr(self.view, "topic", ""))

    def get_operation_id(self) -> str:
        """Return a name for generated code."""
        return f"stockhub_receive_{self.topic.replace('-', '_') or 'any'}"

    def get_summary(self) -> str:
        """Return the title of the endpoint."""
        return f"Receives {SENT[self.topic]}"

    def get_description(self, *args: Any) -> str:
        """Return the description that all endpoints share."""
        return DESCRIPTION.strip()

    def get_tags(self) -> list[str]:
        """Return the group of all endpoints."""
        return [TAG]

    def get_auth(self) -> list[dict[str, Any]]:
        """Return the key, unless the door is open."""
        return [{KEY_SCHEME: []}] if conf.REQUIRE_API_KEY else [{KEY_SCHEME: []}, {}]

    def get_override_parameters(self) -> list[Any]:
        """Return the header that says the version."""
        return [
            OpenApiParameter(
                "x-version",
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                description="Kept with the message, and never a reason to refuse it.",
                examples=[OpenApiExample("V1", "V1")],
            )
        ]

    def get_request_serializer(self) -> Any:
        """Return the topic's own reader; at the shared address the schema of any."""
        if self.topic:
            return type(serializers.BY_TOPIC[self.topic])  # a fresh one: it is given this view as its context
        names = [component_name(reader) for reader in serializers.BY_TOPIC.values()]
        return {"application/json": {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in names]}}

    def _get_request_body(self, *args: Any, **kwargs: Any) -> Any:
        """Mark the body as required; drf-spectacular would decide by its fields."""
        return {**super()._get_request_body(*args, **kwargs), "required": True}

    def get_response_serializers(self) -> Any:
        """Return the answers, which are the same at each address."""
        return answers()

    def get_examples(self) -> list[OpenApiExample]:
        """Return a body of each topic that comes here."""
        here = [self.topic] if self.topic else topics.ALL
        return [OpenApiExample(topic, samples.payload(topic), request_only=True) for topic in here]


class ReceivingEndpoint(APIView):
    """The likeness of `views.ReceiveView`; it receives nothing."""

    schema = ReceivingSchema()
    authentication_classes = ()
    permission_classes = ()
    parser_classes = (parsers.JSONParser,)
    renderer_classes = (renderers.JSONRenderer,)
    versioning_class = None
    topic = ""

    def post(self, request: Any) -> None:
        """Stand for the receiving view; never called."""
        raise NotImplementedError


def endpoints() -> list[Endpoint]:
    """Return the addresses where the host has put them, as drf-spectacular takes them.

    Raises:
        NoReverseMatch: it has put them nowhere.
    """
    found: list[Endpoint] = []
    for topic in SENT:
        path = reverse(f"stockhub_webhooks:{topic or 'any'}")
        found.append((path, path, "POST", ReceivingEndpoint.as_view(topic=topic)))
    return found
