import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    # Nullable: the code before this migration still inserts messages during a deploy.
    dependencies = [("stockhub_webhooks", "0005_host_link_claim")]

    operations = [
        migrations.AddField(
            "message",
            "parent",
            models.ForeignKey(
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="parts",
                to="stockhub_webhooks.message",
                verbose_name="part of",
            ),
        ),
        migrations.AddField("message", "position", models.PositiveIntegerField(editable=False, null=True)),
        migrations.AlterField(
            "message",
            "outcome",
            models.CharField(
                blank=True,
                choices=[
                    ("created", "new"),
                    ("updated", "changed"),
                    ("unchanged", "nothing new"),
                    ("stale", "older than what we have"),
                    ("split", "several documents"),
                ],
                db_default="",
                default="",
                max_length=16,
                verbose_name="outcome",
            ),
        ),
    ]
