from drf_spectacular.generators import SchemaGenerator


def test_orders_are_read(stockhub, admin_client):
    stockhub.deliver("order")
    (shown,) = admin_client.get("/api/stockhub/orders/").json()["results"]
    assert shown["po_number"] == stockhub.payload("order")["po_number"]


def test_hook_adds_the_addresses_to_the_schema_of_the_shop():
    assert "/api/v1/stockhub/shipment" in SchemaGenerator().get_schema(public=True)["paths"]
