"""A backend of the shop that makes the cursors itself, as those do that trace or choose a schema."""

from django.db.backends.postgresql.base import DatabaseWrapper as PostgreSQL

cursors_made = []


class DatabaseWrapper(PostgreSQL):
    def create_cursor(self, name=None):
        cursors_made.append(name)
        return super().create_cursor(name)
