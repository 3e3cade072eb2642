"""Personal data: show what is kept of a customer, erase it, and remove what is past its term.

`subjects` finds the orders of a customer, `erase` erases them, `bodies` and `files` clean what is not attributed to an
order by a column, and `erasure_log` records and repeats erasures. `person` exports, `answer` writes to the customer,
and `retention` prunes. What is personal, and how long it is kept, is declared in `models/personal.py`.
"""
