"""The back office: every model as a read-only list and page, with actions for users who have their permissions.

``base`` is the base class of all pages, ``document`` that of documents. ``labels`` has the labels of codes, ``display``
formats values and ``body_text`` the body of a message; ``search_box`` and ``list_filters`` select the rows of lists.
``story`` is the page of a purchase, ``worklist`` the list of what does not proceed, ``host_link`` and ``missing_line``
the lists of orders and of order lines that the shop does not have, and ``host_order`` a box for the admin of the shop's
own orders.
"""

from stockhub_webhooks.admin import (  # noqa: F401 - importing registers the pages
    bulk,
    credit_memo,
    drift,
    erasure,
    event,
    export_file,
    host_link,
    invoice,
    message,
    missing_line,
    monitoring,
    muted_sender,
    note,
    order,
    payment_request,
    pull,
    receiver_call,
    refusal,
    replay,
    rma,
    shipment,
    worklist,
)
