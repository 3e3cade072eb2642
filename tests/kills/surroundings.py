"""The surroundings that `tests.kills` needs: a shop with a spool, and no wait for the disk."""

import json

from django.db import connection

# a kill takes nothing away that the process has written, synced or not
PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF"


def prepare(shop):
    """Set the variables of a `tests.processes.Shop`."""
    shop.environment |= {
        "SHOP_SPOOL_DIR": str(shop.folder / "spool"),
        "SHOP_LEASE_SECONDS": "15",
        "SHOP_INLINE_BUDGET_SECONDS": "60",
        "SHOP_BROKER": "memory://",
    }
    if connection.vendor == "sqlite":
        shop.environment["SHOP_DATABASE_OPTIONS"] = json.dumps({"init_command": PRAGMAS})
