"""The six topics of Stock Hub's messages. A topic's value is the last part of its URL."""

ORDER = "order"
SHIPMENT = "shipment"
INVOICE = "invoice"
RMA = "rma"
CREDIT_MEMO = "creditmemo"
PAYMENT_REQUEST = "order-payment-request"

ALL = (ORDER, SHIPMENT, INVOICE, RMA, CREDIT_MEMO, PAYMENT_REQUEST)
