"""Configuration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StockHubWebhooksConfig(AppConfig):
    """The app, which imports the module `stockhub_receivers` of each installed app, and those of the resolvers."""

    name = "stockhub_webhooks"
    label = "stockhub_webhooks"
    verbose_name = _("Stock Hub")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks, connect the shop's receivers, load the runner and start the metrics."""
        from stockhub_webhooks import runners
        from stockhub_webhooks.contrib import metrics
        from stockhub_webhooks.delivery import discovery
        from stockhub_webhooks.models import owned_addresses
        from stockhub_webhooks.operations import checks  # noqa: F401 - models must be loaded first
        from stockhub_webhooks.runners import checks as runner_checks  # noqa: F401 - models must be loaded first

        owned_addresses.connect()
        discovery.import_receivers()
        runners.load()
        metrics.start()
