"""The return (RMA). It has no `updated_at`: the message received later is the newer one."""

from __future__ import annotations

from stockhub_webhooks.contract import statuses, topics
from stockhub_webhooks.serializers.fields import ItemNumberField, MomentField, OpenChoiceField
from stockhub_webhooks.serializers.parts import GoodsReader, TrackReader, identifier, money, text, whole_number
from stockhub_webhooks.serializers.reader import DocumentReader


class RMALineReader(GoodsReader):
    """An item of a return, known by its `id`."""

    id = ItemNumberField(max_length=64, required=False, allow_null=True)
    resolution = text()
    reason = text()
    qty_requested = whole_number()
    qty_approved = whole_number()
    qty_returned = whole_number()
    color = text()
    merchant_product_reference = text()
    merchant_resolution = text()
    item_return_fee = money()
    row_line_return_fee = money()
    status = OpenChoiceField(statuses.RMA, max_length=255, required=False, allow_null=True)


class RMAReader(DocumentReader):
    """The body at `rma`."""

    TOPIC = topics.RMA

    increment_id = identifier()
    order_increment_id = identifier()
    po_number = text()
    status = OpenChoiceField(statuses.RMA, max_length=255, required=False, allow_null=True)
    date_requested = MomentField(required=False, allow_null=True)
    date_received = MomentField(required=False, allow_null=True)
    date_processed = MomentField(required=False, allow_null=True)
    currency = text()
    items = RMALineReader(many=True, required=False, allow_null=True)
    track = TrackReader(required=False, allow_null=True)
