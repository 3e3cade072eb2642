from functools import reduce

from django.db import migrations, models
from django.db.models.functions import Replace, Upper

from stockhub_webhooks.db.collation import convert_tables
from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.db.indexes import BeginningIndex

SEPARATORS = " \t\r\n\u00a0\u202f\u200b\u2060\ufeff-\u2010\u2011\u2012\u2013\u2014\u2212"


class Migration(migrations.Migration):
    # Only MySQL and MariaDB need other columns; a plain AlterField would copy each table of SQLite, once for each field.
    dependencies = [("stockhub_webhooks", "0009_times")]

    operations = [
        migrations.RemoveIndex("track", "stockhub_we_trackin_cd5d9f_beg"),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField("alarm", "name", ExactCharField(max_length=64, primary_key=True, serialize=False, verbose_name="name")),
                migrations.AlterField("creditmemo", "account", ExactCharField(max_length=64, verbose_name="account")),
                migrations.AlterField("creditmemo", "currency", ExactCharField(blank=True, max_length=255, null=True, verbose_name="currency")),
                migrations.AlterField("creditmemo", "increment_id", ExactCharField(max_length=64, verbose_name="Stock Hub number")),
                migrations.AlterField("creditmemo", "po_number", ExactCharField(blank=True, max_length=255, null=True, verbose_name="our order number")),
                migrations.AlterField("creditmemo", "reading_digest", ExactCharField(blank=True, editable=False, max_length=32)),
                migrations.AlterField("creditmemoitem", "mpn", ExactCharField(blank=True, max_length=255, null=True, verbose_name="MPN")),
                migrations.AlterField("creditmemoitem", "parent_sku", ExactCharField(blank=True, max_length=255, null=True, verbose_name="parent SKU")),
                migrations.AlterField("creditmemoitem", "reversal", ExactCharField(blank=True, max_length=255, null=True, verbose_name="reversal")),
                migrations.AlterField("creditmemoitem", "size", ExactCharField(blank=True, max_length=255, null=True, verbose_name="size")),
                migrations.AlterField("creditmemoitem", "sku", ExactCharField(blank=True, max_length=255, null=True, verbose_name="SKU")),
                migrations.AlterField("event", "account", ExactCharField(max_length=64, verbose_name="account")),
                migrations.AlterField("event", "increment_id", ExactCharField(help_text="The document's.", max_length=64, verbose_name="Stock Hub number")),
                migrations.AlterField("event", "po_number", ExactCharField(blank=True, max_length=255, null=True, verbose_name="our order number")),
                migrations.AlterField("event", "type", ExactCharField(max_length=40, verbose_name="type")),
                migrations.AlterField("heartbeat", "name", ExactCharField(max_length=64, primary_key=True, serialize=False, verbose_name="name")),
                migrations.AlterField("hostlink", "account", ExactCharField(max_length=64, verbose_name="account")),
                migrations.AlterField("hostlink", "cause", ExactCharField(blank=True, help_text="Where in our shop it failed.", max_length=200, verbose_name="cause")),
                migrations.AlterField("invoice", "account", ExactCharField(max_length=64, verbose_name="account")),
                migrations.AlterField("invoice", "currency", ExactCharField(blank=True, max_length=255, null=True, verbose_name="currency")),
                migrations.AlterField("invoice", "increment_id", ExactCharField(max_length=64, verbose_name="Stock Hub number")),
                migrations.AlterField("invoice", "po_number", ExactCharField(blank=True, max_length=255, null=True, verbose_name="our order number")),
                migrations.AlterField("invoice", "reading_digest", ExactCharField(blank=True, editable=False, max_length=32)),
                migrations.AlterField("invoiceitem", "mpn", ExactCharField(blank=True, max_length=255, null=True, verbose_name="MPN")),
                migrations.AlterField("invoiceitem", "parent_sku", ExactCharField(blank=True, max_length=255, null=True, verbose_name="parent SKU")),
                migrations.AlterField("invoiceitem", "size", ExactCharField(blank=True, max_length=255, null=True, verbose_name="size")),
                migrations.AlterField("invoiceitem", "sku", ExactCharField(blank=True, max_length=255, null=True, verbose_name="SKU")),
                migrations.AlterField("lock", "name", ExactCharField(max_length=64, primary_key=True, serialize=False, verbose_name="name")),
                migrations.AlterField("message", "account", ExactCharField(max_length=64, verbose_name="account")),
                migrations.AlterField("message", "cause", ExactCharField(blank=True, db_default="", default="", help_text="What failures of one cause share; empty where none failed.", max_length=200, verbose_name="cause")),
                migrations.AlterField("message", "increment_id", ExactCharField(blank=True, db_default="", default="", max_length=64, verbose_name="Stock Hub number")),
                migrations.AlterField("message", "key_fingerprint", ExactCharField(blank=True, max_length=16, verbose_name="key used")),
                migrations.AlterField("message", "remote_address", ExactCharField(blank=True, max_length=45, verbose_name="remote address")),
                migrations.AlterField("order", "account", ExactCharField(max_length=64, verbose_name="account")),
                migrations.AlterField("order", "currency", ExactCharField(blank=True, max_length=255, null=True, verbose_name="currency")),
                migrations.AlterField("order", "increment_id", ExactCharField(max_length=64, verbose_name="Stock Hub number")),
                migrations.AlterField("order", "po_number", ExactCharField(blank=True, max_length=255, null=True, verbose_name="our order number")),
                migrations.AlterField("order", "reading_digest", ExactCharField(blank=True, editable=False, max_length=32)),
                migrations.AlterField("order", "status", ExactCharField(blank=True, db_index=True, max_length=255, null=True, verbose_name="status")),
                migrations.AlterField("orderitem", "mpn", ExactCharField(blank=True, max_length=255, null=True, verbose_name="MPN")),
                migrations.AlterField("orderitem", "parent_sku", ExactCharField(blank=True, max_length=255, null=True, verbose_name="parent SKU")),
                migrations.AlterField("orderitem", "size", ExactCharField(blank=True, max_length=255, null=True, verbose_name="size")),
                migrations.AlterField("orderitem", "sku", ExactCharField(blank=True, max_length=255, null=True, verbose_name="SKU")),
                migrations.AlterField("paymentrequest", "account", ExactCharField(max_length=64, verbose_name="account")),
                migrations.AlterField("paymentrequest", "currency", ExactCharField(blank=True, max_length=255, null=True, verbose_name="currency")),
                migrations.AlterField("paymentrequest", "increment_id", ExactCharField(max_length=64, verbose_name="Stock Hub number")),
                migrations.AlterField("paymentrequest", "order_increment_id", ExactCharField(blank=True, max_length=64, null=True, verbose_name="number of the order")),
                migrations.AlterField("paymentrequest", "payment_method", ExactCharField(blank=True, max_length=255, null=True, verbose_name="payment method")),
                migrations.AlterField("paymentrequest", "po_number", ExactCharField(blank=True, max_length=255, null=True, verbose_name="our order number")),
                migrations.AlterField("paymentrequest", "purchase_order_increment_id", ExactCharField(blank=True, max_length=64, null=True, verbose_name="number of the purchase order")),
                migrations.AlterField("paymentrequest", "reading_digest", ExactCharField(blank=True, editable=False, max_length=32)),
                migrations.AlterField("paymentrequestitem", "external_reference", ExactCharField(blank=True, max_length=255, null=True, verbose_name="external reference")),
                migrations.AlterField("paymentrequestitem", "mpn", ExactCharField(blank=True, max_length=255, null=True, verbose_name="MPN")),
                migrations.AlterField("paymentrequestitem", "parent_sku", ExactCharField(blank=True, max_length=255, null=True, verbose_name="parent SKU")),
                migrations.AlterField("paymentrequestitem", "size", ExactCharField(blank=True, max_length=255, null=True, verbose_name="size")),
                migrations.AlterField("paymentrequestitem", "sku", ExactCharField(blank=True, max_length=255, null=True, verbose_name="SKU")),
                migrations.AlterField("receivercall", "cause", ExactCharField(blank=True, help_text="What failures of one cause share; empty where none failed.", max_length=200, verbose_name="cause")),
                migrations.AlterField("receivercall", "receiver", ExactCharField(max_length=255, verbose_name="receiver")),
                migrations.AlterField("receivercall", "signal", ExactCharField(max_length=64, verbose_name="signal")),
                migrations.AlterField("refusal", "key_fingerprint", ExactCharField(blank=True, max_length=16, verbose_name="key used")),
                migrations.AlterField("refusal", "remote_address", ExactCharField(blank=True, max_length=45, verbose_name="remote address")),
                migrations.AlterField("refusedbody", "increment_id", ExactCharField(max_length=64, verbose_name="Stock Hub number")),
                migrations.AlterField("refusedbody", "key_fingerprint", ExactCharField(blank=True, max_length=16, verbose_name="key used")),
                migrations.AlterField("refusedbody", "remote_address", ExactCharField(blank=True, max_length=45, verbose_name="remote address")),
                migrations.AlterField("replay", "requested_by_pk", ExactCharField(blank=True, max_length=255, verbose_name="key of the user")),
                migrations.AlterField("rma", "account", ExactCharField(max_length=64, verbose_name="account")),
                migrations.AlterField("rma", "currency", ExactCharField(blank=True, max_length=255, null=True, verbose_name="currency")),
                migrations.AlterField("rma", "increment_id", ExactCharField(max_length=64, verbose_name="Stock Hub number")),
                migrations.AlterField("rma", "po_number", ExactCharField(blank=True, max_length=255, null=True, verbose_name="our order number")),
                migrations.AlterField("rma", "reading_digest", ExactCharField(blank=True, editable=False, max_length=32)),
                migrations.AlterField("rma", "status", ExactCharField(blank=True, db_index=True, max_length=255, null=True, verbose_name="status")),
                migrations.AlterField("rmaitem", "item_id", ExactCharField(blank=True, max_length=64, null=True, verbose_name="item number")),
                migrations.AlterField("rmaitem", "merchant_product_reference", ExactCharField(blank=True, max_length=255, null=True, verbose_name="product reference")),
                migrations.AlterField("rmaitem", "merchant_resolution", ExactCharField(blank=True, max_length=255, null=True, verbose_name="merchant's resolution")),
                migrations.AlterField("rmaitem", "mpn", ExactCharField(blank=True, max_length=255, null=True, verbose_name="MPN")),
                migrations.AlterField("rmaitem", "parent_sku", ExactCharField(blank=True, max_length=255, null=True, verbose_name="parent SKU")),
                migrations.AlterField("rmaitem", "reason", ExactCharField(blank=True, max_length=255, null=True, verbose_name="reason")),
                migrations.AlterField("rmaitem", "resolution", ExactCharField(blank=True, max_length=255, null=True, verbose_name="resolution")),
                migrations.AlterField("rmaitem", "size", ExactCharField(blank=True, max_length=255, null=True, verbose_name="size")),
                migrations.AlterField("rmaitem", "sku", ExactCharField(blank=True, max_length=255, null=True, verbose_name="SKU")),
                migrations.AlterField("rmaitem", "status", ExactCharField(blank=True, max_length=255, null=True, verbose_name="status")),
                migrations.AlterField("shipment", "account", ExactCharField(max_length=64, verbose_name="account")),
                migrations.AlterField("shipment", "currency", ExactCharField(blank=True, max_length=255, null=True, verbose_name="currency")),
                migrations.AlterField("shipment", "increment_id", ExactCharField(max_length=64, verbose_name="Stock Hub number")),
                migrations.AlterField("shipment", "po_number", ExactCharField(blank=True, max_length=255, null=True, verbose_name="our order number")),
                migrations.AlterField("shipment", "reading_digest", ExactCharField(blank=True, editable=False, max_length=32)),
                migrations.AlterField("shipment", "status", ExactCharField(blank=True, db_index=True, max_length=255, null=True, verbose_name="status")),
                migrations.AlterField("shipmentitem", "mpn", ExactCharField(blank=True, max_length=255, null=True, verbose_name="MPN")),
                migrations.AlterField("shipmentitem", "parent_sku", ExactCharField(blank=True, max_length=255, null=True, verbose_name="parent SKU")),
                migrations.AlterField("shipmentitem", "size", ExactCharField(blank=True, max_length=255, null=True, verbose_name="size")),
                migrations.AlterField("shipmentitem", "sku", ExactCharField(blank=True, max_length=255, null=True, verbose_name="SKU")),
                migrations.AlterField("track", "carrier", ExactCharField(blank=True, max_length=255, null=True, verbose_name="carrier")),
                migrations.AlterField("track", "method", ExactCharField(blank=True, max_length=255, null=True, verbose_name="method")),
                migrations.AlterField("track", "tracking_number", ExactCharField(max_length=255, verbose_name="tracking number")),
            ],
        ),
        # Former code works with these collations, too: nothing to undo.
        migrations.RunPython(convert_tables, migrations.RunPython.noop, atomic=False),
        migrations.AddField(
            "track",
            "normalized_number",
            models.GeneratedField(
                expression=Upper(
                    reduce(
                        lambda text, separator: Replace(text, models.Value(separator), models.Value("")),
                        SEPARATORS,
                        models.F("tracking_number"),
                    )
                ),
                output_field=ExactCharField(max_length=255),
                db_persist=True,
            ),
        ),
        migrations.AddIndex(
            "track", BeginningIndex(fields=["normalized_number"], name="stockhub_we_normali_78e5ae_beg")
        ),
    ]
