"""Simulator of Stock Hub, which has no test environment: sends messages over HTTP to any receiver.

``scenarios`` has the messages and the expected answers, ``sending`` sends one message, ``simulation`` sends all of
them from several threads at a set rate, and ``summary`` counts the answers. These need only the standard library.
``host_orders`` takes the orders from the shop, and ``receivers`` looks up what its receivers did with the messages.
"""
