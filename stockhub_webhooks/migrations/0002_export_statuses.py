"""Exports of documents with some statuses only."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add a nullable column to a table that no message writes."""

    dependencies = [("stockhub_webhooks", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="exportrequest",
            name="statuses",
            field=models.JSONField(blank=True, null=True, verbose_name="status"),
        ),
    ]
