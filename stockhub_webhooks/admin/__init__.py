"""The back office: every model as a read-only list and page, with actions for users who have their permissions.

What all pages share: ``base`` is their base class, ``document`` that of documents and ``work_request`` that of
requests; ``guard`` holds for each view, ``sites`` is the site of a request. ``labels`` has the labels of codes,
``reasons`` and ``causes`` the texts of errors, ``display`` formats values, ``body_text`` the body of a message,
``badge`` marks test rows; ``shown_fields`` chooses columns, ``long_parts`` divides long tables, ``reason_page`` asks
for a reason. Lists: ``changelist``, ``paginator``, ``search_box``, ``list_filters``, ``date_range``, ``export_link``.

Documents: ``order``, ``shipment``, ``invoice``, ``rma``, ``credit_memo``, ``payment_request``. Messages and work:
``message``, ``event`` (``event_changes``), ``receiver_call``, ``refusal``, ``muted_sender``, ``drift``,
``related_activity``. Requests: ``replay``, ``pull``, ``export``, ``erasure``. Others: ``note``, ``worklist``,
``host_link`` and ``missing_line`` (what the shop does not have), ``monitoring`` (alarms and workers).

Pages: ``index_groups``, ``overview`` (``first_steps``, ``chart``), ``find_page``, ``story`` (a purchase),
``person_page``, ``figures_page`` (``figures_chart``), ``failures``, ``receivers`` (``pause_page``), ``keys_page``,
``refused_groups``, ``export_file``. Pages that change something: ``entry`` (``body_edit``), ``release_page``,
``dismiss_page``, ``give_up_page``, ``replay_request``, ``bulk`` (``bulk_start``). ``host_order`` is a box for the admin
of the shop's own orders.
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
