"""What the recipes write to."""

from django.db import models


class ShopOrder(models.Model):
    """An order of the shop; `number` is what Stock Hub calls `po_number`."""

    account = models.CharField(max_length=64, default="default")
    number = models.CharField(max_length=40)
    customer_email = models.EmailField()
    stock_hub_status = models.CharField(max_length=40, blank=True)
    refund_proposal = models.DecimalField(max_digits=12, decimal_places=2, null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "number"], name="one_order_a_number")]

    def __str__(self):
        return self.number


class OrderLine(models.Model):
    """What was taken from stock when the order was placed."""

    order = models.ForeignKey(ShopOrder, models.CASCADE, related_name="lines")
    sku = models.CharField(max_length=64)
    quantity = models.PositiveIntegerField()

    def __str__(self):
        return self.sku


class Article(models.Model):
    """What the shop sells."""

    sku = models.CharField(max_length=64, unique=True)
    stock = models.IntegerField()

    def __str__(self):
        return self.sku


class Payable(models.Model):
    """What the bookkeeper is asked to pay."""

    account = models.CharField(max_length=64)
    number = models.CharField(max_length=64)
    link = models.URLField(max_length=2000, blank=True)
    amount = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    currency = models.CharField(max_length=3, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "number"], name="one_row_a_request")]

    def __str__(self):
        return self.number
