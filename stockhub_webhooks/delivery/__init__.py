"""Call the shop's receivers for events, each until it succeeds or is given up.

``ledger`` records events with their receiver calls, and changes the status of a claimed call. The calls are found by
``due_calls``, claimed by ``claimed_calls`` and made by ``calls``; ``receiver_event`` is the event that a receiver gets,
``subjects`` says which row it is about, and ``prefetched_documents`` loads these rows.

Which call may begin: ``shares`` (no receiver takes all the time), ``call_slots`` (few calls in web threads at a time),
``hanging`` and ``breaker`` (receivers that hang, are paused or are away). What a receiver may use: ``bookings``,
``steps``, and ``host_orders`` with ``host_lines`` (the shop's own orders and their lines). ``attempts`` keeps failed
attempts, ``manual`` has the changes by hand, and ``discovery`` imports the shop's receivers.
"""
