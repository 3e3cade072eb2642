"""Simulator of Stock Hub, which has no test environment: sends messages over HTTP to any receiver.

``scenarios`` has the messages and the expected answers, ``sending`` sends one message, ``simulation`` sends all of
them from several threads at a set rate, and ``summary`` counts the answers. It needs only the standard library.
"""
