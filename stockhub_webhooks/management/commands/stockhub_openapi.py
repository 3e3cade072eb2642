"""The command `stockhub_openapi`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.urls import NoReverseMatch

from stockhub_webhooks.management.output import SafeCommand


class Command(SafeCommand):
    """Prints the receiving endpoints as an OpenAPI document."""

    requires_system_checks = []
    writes_data = True
    help = "Print the receiving endpoints as an OpenAPI document: to mail to Winkelstraat, or to feed to a gateway."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define `--server` and `--format`."""
        parser.add_argument("--server", default="", metavar="URL", help="URL of the shop, such as https://shop.example")
        parser.add_argument("--format", choices=("yaml", "json"), default="yaml", help="default: yaml")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the document."""
        if options["server"] and not options["server"].startswith(("https://", "http://")):
            raise CommandError("--server begins with https:// and a host name")
        try:
            from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer

            from stockhub_webhooks.contrib.openapi import document
        except ImportError as error:
            raise CommandError(f"{error}: pip install 'django-stockhub-webhooks[openapi]'") from error
        try:
            described = document(options["server"].rstrip("/"))
        except NoReverseMatch as error:
            raise CommandError(
                'The addresses are not there: add path("api/v1/stockhub/", include("stockhub_webhooks.urls")).'
            ) from error
        renderer = OpenApiJsonRenderer() if options["format"] == "json" else OpenApiYamlRenderer()
        self.stdout.write(renderer.render(described, renderer_context={}).decode().rstrip("\n"))
