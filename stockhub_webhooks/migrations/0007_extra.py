from django.db import migrations

import stockhub_webhooks.models.documents


class Migration(migrations.Migration):
    # Nullable: the code before this migration still inserts documents during a deploy.
    dependencies = [("stockhub_webhooks", "0006_split")]

    operations = [
        migrations.AddField(
            model,
            "extra",
            stockhub_webhooks.models.documents.ExtraField(
                blank=True, default=dict, editable=False, null=True, verbose_name="unknown fields"
            ),
        )
        for model in ("creditmemo", "invoice", "order", "paymentrequest", "rma", "shipment")
    ]
