"""Databases of former versions are upgraded: their rows, and the locks that it takes."""
