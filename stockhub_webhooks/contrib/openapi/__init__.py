"""OpenAPI description of the receiving endpoints, made with drf-spectacular (extra `openapi`).

``bodies`` has the schemas of the bodies, ``endpoints`` the requests and answers. ``document`` makes a document of its
own, for Winkelstraat or a gateway, or adds the endpoints to the host's schema as one of its POSTPROCESSING_HOOKS.
"""

from stockhub_webhooks.contrib.openapi.document import add_receiving_endpoints, document

__all__ = ["add_receiving_endpoints", "document"]
