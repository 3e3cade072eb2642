"""The tables that a shop would make. They have no migrations: `migrate --run-syncdb` makes them."""

from django.db import models


class Delivery(models.Model):
    """What is written first: one row a message, no index but the key."""

    received_at = models.DateTimeField(auto_now_add=True)
    topic = models.CharField(max_length=40)
    increment_id = models.CharField(max_length=40)
    payload = models.JSONField()


class Order(models.Model):
    increment_id = models.CharField(max_length=40, unique=True)
    po_number = models.CharField(max_length=40)
    status = models.CharField(max_length=40)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    currency = models.CharField(max_length=3)
    grand_total = models.DecimalField(max_digits=12, decimal_places=4)
    subtotal = models.DecimalField(max_digits=12, decimal_places=4)
    shipping_price = models.DecimalField(max_digits=12, decimal_places=4)


class OrderItem(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="items")
    sku = models.CharField(max_length=64)
    parent_sku = models.CharField(max_length=64)
    mpn = models.CharField(max_length=64)
    manufacturer = models.CharField(max_length=80)
    size = models.CharField(max_length=20)
    qty_ordered = models.DecimalField(max_digits=12, decimal_places=4)
    item_price_inc_tax = models.DecimalField(max_digits=12, decimal_places=4)
    row_total_inc_tax = models.DecimalField(max_digits=12, decimal_places=4)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "sku"], name="baselines_line")]


class OrderAddress(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="addresses")
    kind = models.CharField(max_length=10)
    first_name = models.CharField(max_length=80)
    last_name = models.CharField(max_length=80)
    email = models.EmailField()
    telephone = models.CharField(max_length=40)
    street = models.CharField(max_length=200)
    house_number = models.CharField(max_length=20)
    postcode = models.CharField(max_length=20)
    city = models.CharField(max_length=80)
    region_code = models.CharField(max_length=40, null=True)
    country_id = models.CharField(max_length=2)
    company_name = models.CharField(max_length=120, null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "kind"], name="baselines_address")]
