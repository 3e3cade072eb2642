"""The second alias holds nothing; it is there for its ATOMIC_REQUESTS."""


class DefaultOnly:
    """All tables are on `default`."""

    def allow_migrate(self, db, app_label, **hints):
        return db == "default"
