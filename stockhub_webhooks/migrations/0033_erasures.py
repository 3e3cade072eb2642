import django.utils.timezone
from django.db import migrations, models

import stockhub_webhooks.db.fields


class Migration(migrations.Migration):
    dependencies = [("stockhub_webhooks", "0032_erased")]

    operations = [
        migrations.CreateModel(
            "Erasure",
            [
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("account", stockhub_webhooks.db.fields.ExactCharField(max_length=64, verbose_name="account")),
                ("order_numbers", models.JSONField(default=list, verbose_name="Stock Hub numbers")),
                (
                    "erased_at",
                    models.DateTimeField(
                        db_index=True, default=django.utils.timezone.now, verbose_name="erased at"
                    ),
                ),
                ("erased_by", models.CharField(blank=True, max_length=255, verbose_name="erased by")),
            ],
            {
                "verbose_name": "erasure",
                "verbose_name_plural": "erasures",
            },
        ),
        migrations.AlterModelOptions(
            "order",
            {
                "permissions": [
                    ("view_personal_data", "Can see who the customers are, and what messages hold"),
                    ("export", "Can export orders and what belongs to them"),
                    ("view_person", "Can see and download all that is kept of a customer"),
                    ("erase_person", "Can erase the personal data of a customer"),
                ],
                "verbose_name": "order",
                "verbose_name_plural": "orders",
            },
        ),
    ]
