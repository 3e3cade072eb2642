"""The description put together: as a document of its own, or as a part of the host's."""

from __future__ import annotations

from typing import Any

from django.urls import NoReverseMatch
from drf_spectacular.drainage import warn
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.plumbing import normalize_result_object, sanitize_result_object
from drf_spectacular.settings import spectacular_settings

import stockhub_webhooks
from stockhub_webhooks.contrib.openapi.endpoints import KEY_SCHEME, endpoints

Document = dict[str, Any]

KEY_DEFINITION = {
    "type": "apiKey",
    "in": "header",
    "name": "x-api-key",
    "description": "The secret that the shop and Winkelstraat agreed on.",
}
INFO = {
    "title": "Stock Hub webhooks",
    "version": stockhub_webhooks.__version__,
    "description": "Where Winkelstraat.nl's Stock Hub tells a shop what becomes of its orders, by POST.",
}


def document(server: str = "") -> Document:
    """Return the receiving endpoints as an OpenAPI document, ready for JSON or YAML.

    Args:
        server: where the shop is to be reached, such as "https://shop.example"; left out where it is empty.

    Raises:
        NoReverseMatch: the host has not included `stockhub_webhooks.urls`.
    """
    paths, components = _described()
    made: Document = {"openapi": spectacular_settings.OAS_VERSION, "info": INFO}
    if server:
        made["servers"] = [{"url": server}]
    return _plain({**made, "paths": paths, "components": components})


def add_receiving_endpoints(result: Document, **kwargs: Any) -> Document:
    """Add the receiving endpoints to the host's schema, as a hook in SPECTACULAR_SETTINGS["POSTPROCESSING_HOOKS"].

    It comes after the host's own endpoints are described, so that none of those gets another name for our sake.
    """
    try:
        paths, components = _described()
    except NoReverseMatch:
        warn("stockhub_webhooks.urls is not included in the host's addresses, so its endpoints are left out.")
        return result
    result.setdefault("paths", {}).update(paths)
    for kind, described in components.items():
        result.setdefault("components", {}).setdefault(kind, {}).update(described)
    return result


def _described() -> tuple[Document, Document]:
    """Return the paths and the components that they need."""
    generator = SchemaGenerator(patterns=[])
    generator.endpoints = endpoints()  # type: ignore[assignment]  # DRF's have three parts, drf-spectacular's four
    paths = generator.parse(None, public=True)
    components = generator.registry.build({})
    components.setdefault("securitySchemes", {})[KEY_SCHEME] = KEY_DEFINITION
    return paths, components


def _plain(made: Document) -> Document:
    plain: Document = sanitize_result_object(normalize_result_object(made))
    return plain
