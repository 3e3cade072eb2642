"""The documentation: its pages and their blocks of code."""
