import stockhub_webhooks.db.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("stockhub_webhooks", "0030_pulls")]

    operations = [
        migrations.AddField(
            "order",
            "erased_at",
            models.DateTimeField(editable=False, null=True, verbose_name="personal data erased at"),
        ),
        migrations.AddField(
            "paymentrequest",
            "erased_at",
            models.DateTimeField(editable=False, null=True, verbose_name="personal data erased at"),
        ),
        migrations.AddField(
            "message",
            "body_removed_at",
            models.DateTimeField(editable=False, null=True, verbose_name="body removed at"),
        ),
        migrations.AddIndex(
            "order",
            stockhub_webhooks.db.indexes.NotNullIndex(fields=["erased_at"], name="stockhub_order_erased"),
        ),
        migrations.AddIndex(
            "message",
            models.Index(fields=["body_removed_at", "received_at"], name="stockhub_message_bodies"),
        ),
    ]
