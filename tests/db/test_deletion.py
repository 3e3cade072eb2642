"""Rows are deleted by the plain ORM with what they belong to, on each database, also if the shop listens to it."""

import pytest
from django.apps import apps
from django.db.models.signals import pre_delete

from stockhub_webhooks.models import RMA, HostLink, MissingLine, Order, PaymentRequest, Shipment, Track
from stockhub_webhooks.testing import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[False, True], ids=["alone", "with an audit log"])
def deleted(request):
    """The models of deleted rows, as an audit log of the shop hears of them."""
    heard = []

    def hear(sender, **kwargs):
        heard.append(sender)

    if request.param:
        pre_delete.connect(hear)
    yield heard
    pre_delete.disconnect(hear)


@pytest.mark.parametrize("in_bulk", [False, True])
def test_order_takes_what_belongs_to_it(deleted, in_bulk):
    line = factories.MissingLineFactory()
    order = line.link.order
    factories.TrackFactory(shipment=factories.ShipmentFactory(order=order))
    factories.TrackFactory(shipment=None, rma=factories.RMAFactory(order=order))
    if in_bulk:
        Order.objects.all().delete()
    else:
        order.delete()
    for model in (Order, HostLink, MissingLine, Shipment, RMA, Track):
        assert not model.objects.exists()


def test_payment_request_takes_its_link(deleted):
    request = PaymentRequest.objects.create(account="default", po_number="SHOP-1")
    HostLink.objects.create(account=request.account, payment_request=request)
    other = factories.HostLinkFactory()
    request.delete()
    assert not PaymentRequest.objects.exists()
    assert HostLink.objects.get() == other


@pytest.mark.parametrize("model", [Shipment, RMA])
def test_document_takes_its_tracks(deleted, model):
    name = model.__name__.lower()
    document = getattr(factories, f"{model.__name__}Factory")()
    factories.TrackFactory(**{"shipment": None, name: document})
    document.delete()
    assert not Track.objects.exists()
    assert Order.objects.exists()


def test_no_cascade_empties_a_column_that_a_check_needs():
    """MariaDB would: Django's CASCADE sets a nullable key to NULL before it deletes the row."""
    for model in apps.get_app_config("stockhub_webhooks").get_models():
        checked = " ".join(str(c.condition) for c in model._meta.constraints if hasattr(c, "condition") and c.condition)
        for field in model._meta.concrete_fields:
            if field.is_relation and field.null and f"{field.name}__isnull" in checked:
                assert field.remote_field.on_delete.__module__ == "stockhub_webhooks.db.deletion", field
