"""The code of a shop that checks its types; mypy and basedpyright read it in tests/test_types.py."""
