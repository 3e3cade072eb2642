"""The app's entry in INSTALLED_APPS."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class StockHubWebhooksConfig(AppConfig):
    """Finds the shop's receivers: the module `stockhub_receivers` of any installed app."""

    name = "stockhub_webhooks"
    label = "stockhub_webhooks"
    verbose_name = _("Stock Hub")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks, connect the receivers, let the runner's engine know its task, and count."""
        from stockhub_webhooks import runners
        from stockhub_webhooks.contrib import metrics
        from stockhub_webhooks.operations import checks  # noqa: F401 - models must be loaded first
        from stockhub_webhooks.runners import checks as runner_checks  # noqa: F401 - models must be loaded first

        autodiscover_modules("stockhub_receivers")
        runners.load()
        metrics.start()
