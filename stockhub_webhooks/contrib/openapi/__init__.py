"""The receiving endpoints in the words of OpenAPI, written by drf-spectacular (extra `openapi`).

``bodies`` turns the readers into schemas, ``endpoints`` says what is sent and answered, ``document`` puts it together:
on its own, for Winkelstraat or a gateway, or into the host's own schema, by its POSTPROCESSING_HOOKS.
"""

from stockhub_webhooks.contrib.openapi.document import add_receiving_endpoints, document

__all__ = ["add_receiving_endpoints", "document"]
