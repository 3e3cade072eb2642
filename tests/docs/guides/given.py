"""What the guides take for granted of a shop, besides the order of the tutorial."""

from django.db import models
from django.utils import timezone
from orders.models import ShopOrder

ShopOrder.add_to_class("placed_at", models.DateTimeField(default=timezone.now))
ShopOrder.add_to_class("close", lambda self: setattr(self, "state", "closed"))


class Line(models.Model):
    order = models.ForeignKey(ShopOrder, models.CASCADE, related_name="lines")
    stock_hub_sku = models.CharField(max_length=64)
    sku = models.CharField(max_length=64, default="A-1")
    size = models.CharField(max_length=16, blank=True)
    quantity = models.PositiveIntegerField(default=1)

    def __str__(self):
        return self.sku


class Article(models.Model):
    sku = models.CharField(max_length=64, unique=True)
    stock = models.IntegerField(default=10)

    def __str__(self):
        return self.sku
