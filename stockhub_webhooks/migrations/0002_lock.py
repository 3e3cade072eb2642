from django.db import migrations, models


class Migration(migrations.Migration):
    # The table and its column keep their names: the code before this migration still writes to them during a deploy.
    dependencies = [("stockhub_webhooks", "0001_initial")]

    operations = [
        migrations.AlterModelTable("turn", "stockhub_webhooks_turn"),
        migrations.RenameModel("Turn", "Lock"),
        migrations.AlterModelOptions("lock", options={"verbose_name": "lock", "verbose_name_plural": "locks"}),
        migrations.AlterField(
            "lock",
            "taken_at",
            models.DateTimeField(db_column="taken_at", verbose_name="acquired at"),
        ),
        migrations.RenameField("lock", "taken_at", "acquired_at"),
    ]
