from django.db import migrations, models

ACTIONS = [
    ("try_again", "try again"),
    ("give_up", "give up"),
    ("reassign", "hand over to another receiver"),
    ("release", "let in after all"),
    ("process_again", "process again"),
    ("look_again", "look again"),
    ("tell_missed", "tell our shop what it missed"),
]


class Migration(migrations.Migration):

    dependencies = [
        ("stockhub_webhooks", "0037_one_of_two"),
    ]

    operations = [
        migrations.AddField(
            model_name="alarm",
            name="is_critical",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AlterField(
            model_name="bulkrequest",
            name="action",
            field=models.CharField(choices=ACTIONS, max_length=32, verbose_name="what"),
        ),
        migrations.AlterModelOptions(
            name="worklistrow",
            options={
                "permissions": [
                    ("dismiss_worklist_row", "Can dismiss what does not proceed"),
                    ("export_worklist", "Can export what does not proceed"),
                ],
                "verbose_name": "item that does not proceed",
                "verbose_name_plural": "not proceeding",
            },
        ),
        migrations.AddIndex(
            model_name="worklistrow",
            index=models.Index(fields=["status", "po_number", "id"], name="stockhub_worklist_purchase"),
        ),
        migrations.AddIndex(
            model_name="worklistrow",
            index=models.Index(fields=["status", "number", "id"], name="stockhub_worklist_document"),
        ),
    ]
