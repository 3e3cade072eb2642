sent = []


def mail_customer(shop_order):
    sent.append(shop_order.number)
