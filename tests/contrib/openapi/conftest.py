import sys

# schemathesis needs Python 3.11
collect_ignore = ["test_endpoints.py"] if sys.version_info < (3, 11) else []
