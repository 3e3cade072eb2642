from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("stockhub_webhooks", "0004_wrong_method")]

    operations = [
        migrations.AddField("hostlink", "claim", models.UUIDField(editable=False, null=True)),
    ]
