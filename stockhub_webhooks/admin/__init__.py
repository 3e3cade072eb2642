"""The back office: every model as a list and a page, read-only, with the office's words.

``base`` is what all pages share, ``document`` what all documents share; ``words`` are the labels of codes,
``display`` how values are shown, ``body`` how a message's bytes are, ``search`` and ``filters`` how rows are found.
``story`` tells a whole purchase on one page, ``host_link`` lists what our shop does not have; ``host_order`` is for the
shop's own admin.
"""

from stockhub_webhooks.admin import (  # noqa: F401 - importing registers the pages
    credit_memo,
    event,
    host_link,
    invoice,
    message,
    monitoring,
    order,
    payment_request,
    receiver_call,
    refusal,
    replay,
    rma,
    shipment,
)
