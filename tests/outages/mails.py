"""`ALERT` functions of a shop: one whose calls can be counted over several processes, and one that hangs."""

import os
import socket


def write_down(subject, text):
    """Write a line for each mail."""
    with open(os.environ["SHOP_MAILS"], "a") as file:
        file.write(f"{subject}\n")


def greet_silent_server(subject, text):
    """Wait for the greeting of a server that accepts and says nothing, as a mail client without a time-out does."""
    with socket.create_connection(("127.0.0.1", int(os.environ["SHOP_SILENT_PORT"]))) as connection:
        connection.recv(100)
