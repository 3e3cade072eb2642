"""Descriptions of the receiving endpoints and their answers.

The receiving view is a plain Django view, which drf-spectacular cannot describe, so `ReceivingEndpoint` stands for it.
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

# what is sent to the URL of a topic; "" is the shared URL
SUMMARIES = {
    topics.ORDER: "an order",
    topics.SHIPMENT: "a shipment",
    topics.INVOICE: "an invoice",
    topics.RMA: "a return (RMA)",
    topics.CREDIT_MEMO: "a refund (credit memo)",
    topics.PAYMENT_REQUEST: "a request to pay for an order (V2)",
    "": "a message about any topic",
}
DESCRIPTION = """
The answer is sent once the message is stored; it never depends on what the shop does with the message.

The body is read as JSON whatever the headers are. Unknown fields, unknown codes and values of another type are accepted
and noted. A message that was sent before, or that is older than one that was applied, is answered 200 with the outcome
`unchanged` or `stale`. A body with several documents is answered 200 with the outcome `split`, and each document
becomes a message of its own.
"""


@extend_schema_field({"type": "string", "enum": Message.Outcome.values})
class OutcomeField(rest.CharField):
    """Field for the outcome of a message."""


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "string", "format": "uuid"}]})
class NumberOrUidField(rest.CharField):
    """Field for the primary key of a message, or its uid if the database has not stored it yet."""


class AppliedSerializer(rest.Serializer[Any]):
    """The message is stored and applied."""

    message = rest.IntegerField(help_text="Primary key of the stored message.")
    outcome = OutcomeField(help_text="What the message changed.")

    class Meta:
        ref_name = "StockHubApplied"


class StoredSerializer(rest.Serializer[Any]):
    """The message is stored and will be applied later; do not send it again."""

    message = NumberOrUidField(help_text="Primary key of the stored message; a UUID if the database is unavailable.")

    class Meta:
        ref_name = "StockHubStored"


class ProblemSerializer(rest.Serializer[Any]):
    """A problem as RFC 9457 defines it."""

    type = rest.CharField(help_text="Always `about:blank`.")
    title = rest.CharField(help_text="The type of problem, in a few words.")
    status = rest.IntegerField(help_text="The HTTP status.")
    detail = rest.CharField(help_text="What is wrong.")
    message = rest.IntegerField(required=False, help_text="Primary key of the stored message, if it is stored.")

    class Meta:
        ref_name = "StockHubProblem"


def problem(status: int, description: str, title: str, detail: str, **more: Any) -> OpenApiResponse:
    """Return an answer with a problem body."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    example = OpenApiExample(title, body, response_only=True, media_type=PROBLEM, status_codes=[str(status)])
    return OpenApiResponse(ProblemSerializer, description, [example])


def answers() -> dict[Any, OpenApiResponse]:
    """Return all answers by status."""
    applied = OpenApiExample("Applied", {"message": 1042, "outcome": "created"}, response_only=True)
    stored = OpenApiExample("Stored", {"message": 1042}, response_only=True)
    key, size = WrongKey(), BodyTooLarge(conf.MAX_BODY_BYTES + 1)
    problems = (
        problem(WrongKey.status, "No key, or a wrong one.", key.title, str(key)),
        problem(405, "Not POST.", "Method not allowed", "Stock Hub's messages come by POST."),
        problem(
            406,
            "Not readable: not a JSON object, or without the number of a document. The message is kept and a person "
            "will look at it; do not send it again.",
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
    """Description of one endpoint."""

    @property
    def topic(self) -> str:
        """The topic of the URL, "" for the shared one."""
        return str(getattr(self.view, "topic", ""))

    def get_operation_id(self) -> str:
        """Return a name for generated code."""
        return f"stockhub_receive_{self.topic.replace('-', '_') or 'any'}"

    def get_summary(self) -> str:
        """Return the title of the endpoint."""
        return f"Receives {SUMMARIES[self.topic]}"

    def get_description(self, *args: Any) -> str:
        """Return the description that all endpoints share."""
        return DESCRIPTION.strip()

    def get_tags(self) -> list[str]:
        """Return the group of all endpoints."""
        return [TAG]

    def get_auth(self) -> list[dict[str, Any]]:
        """Return the key as required, or as optional if `REQUIRE_API_KEY` is off."""
        return [{KEY_SCHEME: []}] if conf.REQUIRE_API_KEY else [{KEY_SCHEME: []}, {}]

    def get_override_parameters(self) -> list[Any]:
        """Return the header with the version of the contract."""
        return [
            OpenApiParameter(
                "x-version",
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                description="Kept with the message; a message of another version is accepted, too.",
                examples=[OpenApiExample("V1", "V1")],
            )
        ]

    def get_request_serializer(self) -> Any:
        """Return the serializer of the topic; for the shared URL a schema that allows any of them."""
        if self.topic:
            return type(serializers.BY_TOPIC[self.topic])  # a new instance, because drf-spectacular sets its context
        names = [component_name(serializer) for serializer in serializers.BY_TOPIC.values()]
        return {"application/json": {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in names]}}

    def _get_request_body(self, *args: Any, **kwargs: Any) -> Any:
        """Mark the body as required; drf-spectacular does so only if a field is required."""
        return {**super()._get_request_body(*args, **kwargs), "required": True}

    def get_response_serializers(self) -> Any:
        """Return the answers, which are the same for all endpoints."""
        return answers()

    def get_examples(self) -> list[OpenApiExample]:
        """Return an example body; for the shared URL one of each topic."""
        of_topics = [self.topic] if self.topic else topics.ALL
        return [OpenApiExample(topic, samples.payload(topic), request_only=True) for topic in of_topics]


class ReceivingEndpoint(APIView):
    """Stand-in for `views.ReceiveView`, for drf-spectacular only."""

    schema = ReceivingSchema()
    authentication_classes = ()
    permission_classes = ()
    parser_classes = (parsers.JSONParser,)
    renderer_classes = (renderers.JSONRenderer,)
    versioning_class = None
    topic = ""

    def post(self, request: Any) -> None:
        """Stand for the method of the receiving view; never called."""
        raise NotImplementedError


def endpoints() -> list[Endpoint]:
    """Return the endpoints with their URLs in the host, in the form that drf-spectacular expects.

    Raises:
        NoReverseMatch: the host's URLs do not include `stockhub_webhooks.urls`.
    """
    result: list[Endpoint] = []
    for topic in SUMMARIES:
        path = reverse(f"stockhub_webhooks:{topic or 'any'}")
        result.append((path, path, "POST", ReceivingEndpoint.as_view(topic=topic)))
    return result
