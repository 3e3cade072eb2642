"""Rows without messages, one factory a model, for tests of what only reads them (extra `[testing]`: factory-boy).

What is made is consistent: a document has its order, its line, and amounts that add up; all documents made for one
order share its account and `po_number`. `OrderFactory(quantity=3, price=Decimal("9.95"))` adds up too.

To test receivers, deliver messages instead: they go the real way.
"""

from stockhub_webhooks.testing.factories.documents import (
    AddressFactory,
    CreditMemoFactory,
    CreditMemoItemFactory,
    InvoiceFactory,
    InvoiceItemFactory,
    OrderFactory,
    OrderItemFactory,
    PaymentRequestFactory,
    PaymentRequestItemFactory,
    RMAFactory,
    RMAItemFactory,
    ShipmentFactory,
    ShipmentItemFactory,
    TrackFactory,
)
from stockhub_webhooks.testing.factories.ledger import (
    AlarmFactory,
    EventFactory,
    HeartbeatFactory,
    HostLinkFactory,
    LockFactory,
    MessageFactory,
    ReceiverCallFactory,
    RefusalFactory,
    RefusedBodyFactory,
    ReplayFactory,
)

__all__ = [
    "AddressFactory",
    "AlarmFactory",
    "CreditMemoFactory",
    "CreditMemoItemFactory",
    "EventFactory",
    "HeartbeatFactory",
    "HostLinkFactory",
    "InvoiceFactory",
    "InvoiceItemFactory",
    "LockFactory",
    "MessageFactory",
    "OrderFactory",
    "OrderItemFactory",
    "PaymentRequestFactory",
    "PaymentRequestItemFactory",
    "RMAFactory",
    "RMAItemFactory",
    "ReceiverCallFactory",
    "RefusalFactory",
    "RefusedBodyFactory",
    "ReplayFactory",
    "ShipmentFactory",
    "ShipmentItemFactory",
    "TrackFactory",
]
