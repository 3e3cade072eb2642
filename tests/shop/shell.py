"""A shell of the shop: takes an expression a line, as JSON, and gives what it is worth, or why it has no value."""

import json
import sys
import traceback

import django
from django.db import connections


def main():
    """Answer each line, to the last."""
    django.setup()
    import stockhub_webhooks.models
    import tests.shop.models

    names = {"json": json, **vars(stockhub_webhooks.models), **vars(tests.shop.models)}
    for line in sys.stdin:
        try:
            answer = {"value": repr(eval(json.loads(line), dict(names)))}
        except Exception:
            answer = {"fault": traceback.format_exc()}
        finally:
            connections.close_all()  # whatever becomes of the database in between
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
