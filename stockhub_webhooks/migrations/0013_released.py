from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("stockhub_webhooks", "0012_parent_index")]

    operations = [
        migrations.AddField(
            "message",
            "entered_by",
            models.CharField(editable=False, max_length=255, null=True, verbose_name="entered or let in by"),
        ),
        migrations.AlterField(
            "message",
            "source",
            models.CharField(
                choices=[
                    ("webhook", "webhook"),
                    ("pull", "fetched"),
                    ("hand", "entered by hand"),
                    ("released", "refused, and let in by hand"),
                ],
                default="webhook",
                max_length=16,
                verbose_name="source",
            ),
        ),
    ]
