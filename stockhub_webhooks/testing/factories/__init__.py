"""Factories for the rows of each model, for tests of code that reads them (extra `[testing]`: factory-boy).

Rows are consistent: a document has an order, a line, and amounts that add up, also with
`OrderFactory(quantity=3, price=Decimal("9.95"))`. Documents of one order have its account and `po_number`.

To test receivers, use `testing.deliver` instead, which runs the code that runs in production.
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
    AttemptFactory,
    BacklogTurnFactory,
    BookedPurchaseFactory,
    BookingFactory,
    DriftFactory,
    EventFactory,
    FinishedStepFactory,
    HeartbeatFactory,
    HostLinkFactory,
    LockFactory,
    MessageFactory,
    MissingLineFactory,
    ReceiverCallFactory,
    ReceiverStateFactory,
    RefusalFactory,
    RefusedBodyFactory,
    ReplayFactory,
)

__all__ = [
    "AddressFactory",
    "AlarmFactory",
    "AttemptFactory",
    "BacklogTurnFactory",
    "BookedPurchaseFactory",
    "BookingFactory",
    "CreditMemoFactory",
    "CreditMemoItemFactory",
    "DriftFactory",
    "EventFactory",
    "FinishedStepFactory",
    "HeartbeatFactory",
    "HostLinkFactory",
    "InvoiceFactory",
    "InvoiceItemFactory",
    "LockFactory",
    "MessageFactory",
    "MissingLineFactory",
    "OrderFactory",
    "OrderItemFactory",
    "PaymentRequestFactory",
    "PaymentRequestItemFactory",
    "RMAFactory",
    "RMAItemFactory",
    "ReceiverCallFactory",
    "ReceiverStateFactory",
    "RefusalFactory",
    "RefusedBodyFactory",
    "ReplayFactory",
    "ShipmentFactory",
    "ShipmentItemFactory",
    "TrackFactory",
]
