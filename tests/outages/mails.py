"""`ALERT` function whose calls can be counted over several processes."""

import os


def write_down(subject, text):
    """Write a line for each mail."""
    with open(os.environ["SHOP_MAILS"], "a") as file:
        file.write(f"{subject}\n")
