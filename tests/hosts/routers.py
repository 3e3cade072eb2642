"""Routers of databases."""


class ReadsFromReplica:
    """Reads go to a replica, as in Django's documentation; the hints of the rows are not looked at."""

    def db_for_read(self, model, **hints):
        return "replica"

    def db_for_write(self, model, **hints):
        return "default"

    def allow_relation(self, *rows, **hints):
        return True

    def allow_migrate(self, db, *arguments, **hints):
        return db == "default"
