"""Factories for the rows of each model, for tests of code that reads them (extra `[testing]`: factory-boy).

Rows are consistent: a document has an order, a line, and amounts that add up, also with `OrderFactory(quantity=3,
price=Decimal("9.95"))`. Documents of one order have its account and `po_number`.

``documents`` has orders and what belongs to them, ``ledger`` messages and calls, ``requests`` work in the background,
and ``findings`` what the app finds out; ``base`` is their base class.

To test receivers, use `testing.deliver` instead, which runs the code that runs in production.
"""

try:
    import factory  # noqa: F401 - its absence is reported once, with what to install
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(f"{error}: pip install 'django-stockhub-webhooks[testing]'", name=error.name) from error

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
from stockhub_webhooks.testing.factories.findings import (
    AlarmFactory,
    BacklogTurnFactory,
    DriftFactory,
    ErasureFactory,
    HeartbeatFactory,
    HostLinkFactory,
    LockFactory,
    MissingLineFactory,
    NoteFactory,
    SiteAddressFactory,
    WorklistProgressFactory,
    WorklistRowFactory,
)
from stockhub_webhooks.testing.factories.ledger import (
    AttemptFactory,
    BookedPurchaseFactory,
    BookingFactory,
    EventFactory,
    FinishedStepFactory,
    MentionedNumberFactory,
    MessageFactory,
    MutedSenderFactory,
    ReceiverCallFactory,
    ReceiverStateFactory,
    RefusalFactory,
    RefusedBodyFactory,
)
from stockhub_webhooks.testing.factories.requests import (
    AskedNumberFactory,
    BulkEntryFactory,
    BulkRequestFactory,
    ExportPartFactory,
    ExportRequestFactory,
    OrderAnswerFactory,
    PullFactory,
    ReplayFactory,
)

__all__ = [
    "AddressFactory",
    "AlarmFactory",
    "AskedNumberFactory",
    "AttemptFactory",
    "BacklogTurnFactory",
    "BookedPurchaseFactory",
    "BookingFactory",
    "BulkEntryFactory",
    "BulkRequestFactory",
    "CreditMemoFactory",
    "CreditMemoItemFactory",
    "DriftFactory",
    "ErasureFactory",
    "EventFactory",
    "ExportPartFactory",
    "ExportRequestFactory",
    "FinishedStepFactory",
    "HeartbeatFactory",
    "HostLinkFactory",
    "InvoiceFactory",
    "InvoiceItemFactory",
    "LockFactory",
    "MentionedNumberFactory",
    "MessageFactory",
    "MissingLineFactory",
    "MutedSenderFactory",
    "NoteFactory",
    "OrderAnswerFactory",
    "OrderFactory",
    "OrderItemFactory",
    "PaymentRequestFactory",
    "PaymentRequestItemFactory",
    "PullFactory",
    "RMAFactory",
    "RMAItemFactory",
    "ReceiverCallFactory",
    "ReceiverStateFactory",
    "RefusalFactory",
    "RefusedBodyFactory",
    "ReplayFactory",
    "ShipmentFactory",
    "ShipmentItemFactory",
    "SiteAddressFactory",
    "TrackFactory",
    "WorklistProgressFactory",
    "WorklistRowFactory",
]
