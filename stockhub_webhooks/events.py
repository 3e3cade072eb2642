"""The public name of the event that each receiver gets: `from stockhub_webhooks.events import ReceiverEvent`."""

from stockhub_webhooks.delivery.receiver_event import ReceiverEvent

__all__ = ["ReceiverEvent"]
