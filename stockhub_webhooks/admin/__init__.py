"""The back office: every model as a read-only list and page, with actions for users who have their permissions.

``base`` is the base class of all pages, ``document`` that of documents. ``labels`` has the labels of codes, ``display``
formats values and ``body_text`` the body of a message; ``search_box`` and ``list_filters`` select the rows of lists.
``story`` is the page of a purchase, ``host_link`` and
``missing_line`` the lists of orders and of order lines that the shop does not have, and ``host_order``
a box for the admin of the shop's own orders.
"""

from stockhub_webhooks.admin import (  # noqa: F401 - importing registers the pages
    credit_memo,
    drift,
    event,
    host_link,
    invoice,
    message,
    missing_line,
    monitoring,
    order,
    payment_request,
    receiver_call,
    refusal,
    replay,
    rma,
    shipment,
)
