from shop.models import ShopOrder


def find_order(po_number, order):
    """For `HOST_ORDER_RESOLVER`, where each account has orders, and numbers, of its own."""
    if order is None:
        return None  # a payment request that names no order
    return ShopOrder.objects.filter(account=order.account, number=po_number).first()
