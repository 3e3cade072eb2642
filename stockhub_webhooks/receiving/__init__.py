"""Receive messages: authenticate the sender, journal the message, or keep it in the spool."""
