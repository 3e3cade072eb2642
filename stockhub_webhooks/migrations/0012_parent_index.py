import stockhub_webhooks.db.indexes
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("stockhub_webhooks", "0011_drift")]

    operations = [
        migrations.AddIndex(
            "message",
            stockhub_webhooks.db.indexes.NotNullIndex(fields=["parent"], name="stockhub_message_parent"),
        ),
    ]
