"""Factories: one for each model, with consistent rows."""

import sys
from decimal import Decimal
from importlib import import_module

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError

from stockhub_webhooks import models
from stockhub_webhooks.contract import topics
from stockhub_webhooks.testing import factories, payload

pytestmark = pytest.mark.django_db
FACTORIES = {factory._meta.model: factory for factory in (getattr(factories, name) for name in factories.__all__)}
PRICED = ("Order", "Invoice", "CreditMemo", "PaymentRequest")


def test_every_model_has_a_factory():
    assert set(FACTORIES) == set(apps.get_app_config("stockhub_webhooks").get_models())


def test_without_factory_boy_they_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "factory", None)
    for name in [name for name in sys.modules if name.startswith(factories.__name__)]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ModuleNotFoundError, match=r"pip install .*\[testing\]"):
        import_module(factories.__name__)


@pytest.mark.parametrize("model", FACTORIES, ids=lambda model: model.__name__)
def test_rows_of_factories_are_saved_and_valid(model):
    for row in FACTORIES[model].create_batch(2):
        fresh = model.objects.get(pk=row.pk)
        unchecked = [
            field.name for field in model._meta.fields if not field.editable or field.name in ("body", "due_at")
        ]
        try:
            fresh.full_clean(exclude=unchecked, validate_unique=False, validate_constraints=False)
        except ValidationError as error:
            assert not {name for name, faults in error.error_dict.items() if faults[0].code != "blank"}, error


def test_factories_of_a_new_process_begin_after_the_rows_that_are_there(post):
    for topic in topics.ALL:
        post(topic, payload(topic, seed=3))
    for _process in range(3):
        for factory in FACTORIES.values():
            factory.reset_sequence()  # as at the first use in a process
        for factory in FACTORIES.values():
            factory.create_batch(2)


@pytest.mark.parametrize("name", PRICED)
@pytest.mark.parametrize("changes", [{}, {"quantity": 3, "price": Decimal("19.99")}])
def test_amounts_add_up(name, changes):
    row = getattr(factories, f"{name}Factory")(**changes)
    row.refresh_from_db()
    line = row.items.get()
    quantity = getattr(line, "qty", None) or line.qty_ordered
    assert quantity * line.item_price_inc_tax == line.row_total_inc_tax == row.subtotal
    extra = row.adjustment - row.fee_amount if name == "CreditMemo" else 0
    assert row.grand_total == row.subtotal + row.shipping_price + extra


def test_documents_of_one_order_belong_together():
    order = factories.OrderFactory(account="belgium", po_number="SHOP-77")
    shipment = factories.ShipmentFactory(order=order, delivered=True)
    back = factories.RMAFactory(order=order)
    assert {(row.account, row.po_number) for row in (shipment, back)} == {("belgium", "SHOP-77")}
    assert shipment.is_delivered
    assert shipment.tracks.count() == 1
    assert factories.TrackFactory(shipment=None, rma=back).rma == back
    assert models.Order.objects.count() == 1


def test_stub_has_only_its_numbers():
    stub = factories.OrderFactory(stub=True)
    stub.refresh_from_db()
    assert stub.is_stub
    assert (stub.status, stub.grand_total, stub.billing_address, stub.items.count()) == (None, None, None, 0)


def test_factory_of_a_line_creates_one_line():
    for factory, parent in ((factories.OrderItemFactory, "order"), (factories.InvoiceItemFactory, "invoice")):
        assert getattr(factory(), parent).items.count() == 1


def test_receiver_call_belongs_to_its_event():
    call = factories.ReceiverCallFactory()
    assert call.signal == "order_created"
    assert call.order == call.event.order
    assert call.event.message.increment_id == call.order.increment_id
    assert call.event.subject_id == call.order.pk
