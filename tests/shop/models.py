"""What the shop heard."""

from django.db import models


class Heard(models.Model):
    """One call of a receiver that only writes to this database."""

    receiver = models.CharField(max_length=40)
    event_id = models.BigIntegerField()
    event_type = models.CharField(max_length=40)
    order_number = models.CharField(max_length=64, blank=True)

    def __str__(self):
        return f"{self.receiver} {self.event_type}"
