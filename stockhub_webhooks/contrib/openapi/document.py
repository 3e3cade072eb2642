"""Assembly of the description: a document of its own, or a part of the host's schema."""

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
    "description": "The secret that the shop and Winkelstraat have agreed on.",
}
INFO = {
    "title": "Stock Hub webhooks",
    "version": stockhub_webhooks.__version__,
    "description": "Endpoints to which Winkelstraat.nl's Stock Hub posts messages about the orders of a shop.",
}


def document(server: str = "") -> Document:
    """Return the receiving endpoints as an OpenAPI document, ready for JSON or YAML.

    Args:
        server: URL of the shop, such as "https://shop.example"; left out if it is empty.

    Raises:
        NoReverseMatch: the host's URLs do not include `stockhub_webhooks.urls`.
    """
    paths, components = _paths_and_components()
    result: Document = {"openapi": spectacular_settings.OAS_VERSION, "info": INFO}
    if server:
        result["servers"] = [{"url": server}]
    return _to_json({**result, "paths": paths, "components": components})


def add_receiving_endpoints(result: Document, **kwargs: Any) -> Document:
    """Add the receiving endpoints to the host's schema, as a hook in SPECTACULAR_SETTINGS["POSTPROCESSING_HOOKS"].

    A hook runs after the host's own endpoints are described, so that none of them is renamed because of ours.
    """
    try:
        paths, components = _paths_and_components()
    except NoReverseMatch:
        warn("The URLs do not include stockhub_webhooks.urls, so its endpoints are left out of the schema.")
        return result
    result.setdefault("paths", {}).update(paths)
    for section, entries in components.items():
        result.setdefault("components", {}).setdefault(section, {}).update(entries)
    return result


def _paths_and_components() -> tuple[Document, Document]:
    """Return the paths and the components that they need."""
    generator = SchemaGenerator(patterns=[])
    generator.endpoints = endpoints()  # type: ignore[assignment]  # DRF's have three parts, drf-spectacular's four
    paths = generator.parse(None, public=True)
    components = generator.registry.build({})
    components.setdefault("securitySchemes", {})[KEY_SCHEME] = KEY_DEFINITION
    return paths, components


def _to_json(document: Document) -> Document:
    values: Document = sanitize_result_object(normalize_result_object(document))
    return values
