import django.db.models.deletion
from django.db import migrations, models

import stockhub_webhooks.db.fields


class Migration(migrations.Migration):
    dependencies = [("stockhub_webhooks", "0014_secrets")]

    operations = [
        migrations.CreateModel(
            "Attempt",
            [
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField(verbose_name="attempt")),
                ("failed_at", models.DateTimeField(verbose_name="failed at")),
                ("seconds", models.FloatField(blank=True, null=True, verbose_name="seconds")),
                ("error", models.TextField(blank=True, verbose_name="error")),
                (
                    "cause",
                    stockhub_webhooks.db.fields.ExactCharField(blank=True, max_length=200, verbose_name="cause"),
                ),
                (
                    "call",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="failed_attempts",
                        to="stockhub_webhooks.receivercall",
                        verbose_name="task for our shop",
                    ),
                ),
            ],
            options={"verbose_name": "failed attempt", "verbose_name_plural": "failed attempts"},
        )
    ]
