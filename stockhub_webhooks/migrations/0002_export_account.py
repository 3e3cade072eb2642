"""Exports of the documents of one account only."""

import stockhub_webhooks.db.fields
from django.db import migrations


class Migration(migrations.Migration):
    """Add a nullable column to a table that no message writes."""

    dependencies = [("stockhub_webhooks", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="exportrequest",
            name="account",
            field=stockhub_webhooks.db.fields.ExactCharField(
                blank=True, max_length=64, null=True, verbose_name="account"
            ),
        ),
    ]
