"""The host, with drf-spectacular."""

from tests.host.settings import *  # noqa: F403
from tests.host.settings import INSTALLED_APPS, REST_FRAMEWORK

INSTALLED_APPS = [*INSTALLED_APPS, "drf_spectacular"]
REST_FRAMEWORK = {**REST_FRAMEWORK, "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
SPECTACULAR_SETTINGS = {
    "TITLE": "The host's own",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "stockhub_webhooks.contrib.openapi.add_receiving_endpoints",
    ],
}
SILENCED_SYSTEM_CHECKS = ["stockhub_webhooks.W004"]
