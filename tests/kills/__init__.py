"""Processes that are killed, and connections that are cut, at a chosen point of the life of an order.

`python -m tests.kills` needs an empty, migrated database of `tests.shop.settings`.
"""
