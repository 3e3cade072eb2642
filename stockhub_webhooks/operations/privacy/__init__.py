"""Personal data: show what is kept of a customer, erase it, and remove what is past its term.

`subjects` finds the orders of a customer, `erase` erases them, `bodies` and `files` clean what is not attributed to an
order by a column, and `erasure_log` records and repeats erasures. `person` exports, `answer` writes to the customer,
and `retention` prunes (`old_purchases` by purchase, `held` is never pruned). `sweep` does all of it each hour, with
`late` for what came after an erasure, and `again` after a backup. `event_changes`, `export_files`, `traces` (texts of
people) and `unreceived` (orders without a document) are places where a person may stand. What is personal, and how long
it is kept, is declared in `models/personal.py`.
"""
