"""The pages of docs/reference: a module for each, whose `page()` yields its lines.

``markdown`` formats them, and ``docstrings`` reads the docstrings of the package.
"""
