"""Apply stored messages: write their documents, events and receiver calls.

``pipeline`` takes a message through all steps, and ``apply`` writes its document. ``split`` is for a body with several
documents, ``locked_orders`` for orders that another transaction holds, ``erased_orders`` for orders without personal
data, and ``due_deliveries`` for deliveries that are recorded later than their message.
"""
