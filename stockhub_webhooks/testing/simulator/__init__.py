"""Simulator of Stock Hub, which has no test environment, over real HTTP against any receiver.

``scenarios`` write what is sent, ``sending`` sends it as Stock Hub does, ``simulation`` does so from several threads
at a set rate, and ``summary`` says what was answered. Only the standard library is used.
"""
