import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    # the event of a deadline that passed comes from no message
    dependencies = [("stockhub_webhooks", "0025_figures")]

    operations = [
        migrations.AlterField(
            "event",
            "message",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="events",
                to="stockhub_webhooks.message",
                verbose_name="message",
            ),
        ),
    ]
