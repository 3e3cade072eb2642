import django.db.models.deletion
import stockhub_webhooks.db.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("stockhub_webhooks", "0028_search_keys"),
    ]

    operations = [
        migrations.CreateModel(
            name='OrderAnswer',
            fields=[
                ('order', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='rest_answer', serialize=False, to='stockhub_webhooks.order', verbose_name='order')),
                ('asked_at', models.DateTimeField(db_index=True, verbose_name='asked at')),
                ('unknown_since', models.DateTimeField(null=True)),
                ('is_shipped', models.BooleanField(null=True)),
                ('is_invoiced', models.BooleanField(null=True)),
                ('shipped_since', models.DateTimeField(null=True)),
                ('invoiced_since', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'answer about an order',
                'verbose_name_plural': 'answers about orders',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Pull',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('account', stockhub_webhooks.db.fields.ExactCharField(max_length=64, verbose_name='account')),
                ('open_account', stockhub_webhooks.db.fields.ExactCharField(editable=False, max_length=64, null=True, unique=True)),
                ('requested_by', models.CharField(blank=True, max_length=255, verbose_name='requested by')),
                ('created_at', models.DateTimeField(verbose_name='requested at')),
                ('choice', models.JSONField(default=dict, verbose_name='what')),
                ('status', models.CharField(choices=[('open', 'under way'), ('done', 'done'), ('stopped', 'stopped'), ('failed', 'broken off')], default='open', max_length=16, verbose_name='status')),
                ('stage', models.CharField(choices=[('numbers', 'our order numbers'), ('returns', 'returns'), ('orders', 'orders')], default='numbers', editable=False, max_length=16, verbose_name='at')),
                ('page', models.PositiveIntegerField(default=1, editable=False)),
                ('total', models.PositiveBigIntegerField(default=0, editable=False)),
                ('changed', models.PositiveBigIntegerField(default=0, verbose_name='was missing or differed')),
                ('unchanged', models.PositiveBigIntegerField(default=0, verbose_name='nothing new')),
                ('unknown', models.PositiveBigIntegerField(default=0, verbose_name='unknown to Stock Hub')),
                ('failed', models.PositiveBigIntegerField(default=0, verbose_name='could not be fetched')),
                ('last_error', models.TextField(blank=True, verbose_name='last error')),
                ('due_at', models.DateTimeField(db_index=True, help_text='While it runs, when its lease lapses.', null=True, verbose_name='due at')),
                ('claim', models.UUIDField(editable=False, null=True)),
                ('attempts', models.PositiveIntegerField(default=0, editable=False)),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished at')),
                ('stopped_by', models.CharField(blank=True, max_length=255, verbose_name='stopped by')),
            ],
            options={
                'verbose_name': 'fetching of what is missing',
                'verbose_name_plural': 'fetched from Stock Hub',
                'permissions': [('reconcile', 'Can fetch from Stock Hub what is missing')],
            },
        ),
        migrations.CreateModel(
            name='AskedNumber',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('account', stockhub_webhooks.db.fields.ExactCharField(max_length=64, verbose_name='account')),
                ('po_number', stockhub_webhooks.db.fields.ExactCharField(max_length=255, verbose_name='our order number')),
                ('first_asked_at', models.DateTimeField(verbose_name='first asked at')),
                ('asked_at', models.DateTimeField(verbose_name='asked at')),
            ],
            options={
                'verbose_name': 'order number unknown to Stock Hub',
                'verbose_name_plural': 'order numbers unknown to Stock Hub',
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('account', 'po_number'), name='stockhub_asked_number')],
            },
        ),
    ]
