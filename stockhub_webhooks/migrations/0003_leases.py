from django.db import migrations, models


class Migration(migrations.Migration):
    # Nullable or with a database default: the code before this migration still inserts messages during a deploy.
    dependencies = [("stockhub_webhooks", "0002_lock")]

    operations = [
        migrations.AddField("message", "claim", models.UUIDField(editable=False, null=True)),
        migrations.AddField(
            "message", "is_suspect", models.BooleanField(db_default=False, default=False, editable=False)
        ),
        migrations.AddField("receivercall", "claim", models.UUIDField(editable=False, null=True)),
        migrations.AddField(
            "receivercall", "is_suspect", models.BooleanField(db_default=False, default=False, editable=False)
        ),
        migrations.AddField("lock", "claim", models.UUIDField(editable=False, null=True)),
    ]
