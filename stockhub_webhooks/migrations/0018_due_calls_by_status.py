from django.db import migrations

import stockhub_webhooks.db.indexes


class Migration(migrations.Migration):
    dependencies = [("stockhub_webhooks", "0017_receiver_states")]

    operations = [
        migrations.RemoveIndex("receivercall", "stockhub_call_due"),
        migrations.AddIndex(
            "receivercall",
            stockhub_webhooks.db.indexes.DueIndex(fields=["status", "due_at", "id"], name="stockhub_call_due"),
        ),
    ]
