"""A host whose router sends reads to a replica, which is behind: here, it has no row at all."""

import pytest
from django.apps import apps

from stockhub_webhooks.models import Order, Shipment
from stockhub_webhooks.signals import shipment_delivered
from tests.samples import sample

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


class ReadsElsewhere:
    """Router of Django's documentation: reads go to a replica."""

    def db_for_read(self, model, **hints):
        return "other"

    def db_for_write(self, model, **hints):
        return "default"

    def allow_relation(self, *rows, **hints):
        return True

    def allow_migrate(self, db, *arguments, **hints):
        return db == "default"


@pytest.fixture(autouse=True)
def replica(settings):
    settings.DATABASE_ROUTERS = ["tests.db.test_read_replica.ReadsElsewhere"]


MODELS = list(apps.get_app_config("stockhub_webhooks").get_models())


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_each_model_is_read_where_it_is_written(model):
    assert {model.objects.all().db, model._base_manager.all().db, model._default_manager.all().db} == {"default"}
    assert model.objects.using("other").db == "other"


def test_receiver_reads_the_parcels_of_now_by_relations_prefetches_and_deferred_fields(post, hear):
    def read(**sent):
        order = sent["order"]
        seen.append(
            (
                [shipment.is_delivered for shipment in order.shipments.all()],
                [track.tracking_number for track in sent["shipment"].tracks.all()],
                len(Order.objects.prefetch_related("shipments__tracks").get().shipments.all()),
                Shipment.objects.only("pk").get().order.increment_id,
                Shipment.objects.defer("status").get().status,
            )
        )

    seen = []
    hear(shipment_delivered, read)
    post("order")
    post("shipment", sample("shipment", status="DELIVERED"))
    order = Order.objects.get()
    assert seen == [([True], ["1Z00AA000000000001"], 1, order.increment_id, "DELIVERED")]
