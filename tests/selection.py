"""Which tests are quick, and on which databases a test runs."""

import os
from pathlib import Path

HERE = Path(__file__).parent
# Where all databases are tested at the same time, what does the same on each of them runs on one: by folder or file.
SHARES = {
    "admin": "mariadb",
    "doctor": "mariadb",
    "example": "sqlite",
    "metrics": "mariadb",
    "openapi": "sqlite",
    "operations": "postgresql",
    "outages": "postgresql",
    "outages/test_spool.py": "mariadb",
    "privacy": "mariadb",
    "recipes": "sqlite",
    "reconcile": "sqlite",
    "rest": "mariadb",
    "security": "sqlite",
    "security/test_nul.py": "postgresql",
    "security/test_parameters.py": "postgresql",
    "simulator": "mariadb",
    "story": "sqlite",
    "test_bulk.py": "sqlite",
    "test_celery_processes.py": "postgresql",
    "test_checks.py": "sqlite",
    "test_ingest.py": "sqlite",
    "test_lines.py": "sqlite",
    "test_journal_copy.py": "mariadb",
    "test_odd_messages.py": "mariadb",
    "test_progress.py": "sqlite",
    "test_server.py": "mariadb",
    "test_supervision.py": "mariadb",
    "testing": "sqlite",
    "worklists": "sqlite",
}
# What takes seconds, since it walks through many pages, projects or programs: left out of the quick tests.
SLOW = frozenset({
    *("admin/test_badge.py", "admin/test_base.py", "admin/test_dutch.py", "admin/test_groups.py"),
    *("admin/test_long_parts.py", "admin/test_permissions.py", "admin/test_person_page.py"),
    *("example/test_shop.py", "operations/test_bulk.py", "outages/test_storms.py", "privacy/test_canaries.py"),
    *("docs/test_guides.py", "recipes/test_recipes.py", "security/test_accounts_apart.py", "security/test_bombs.py"),
    *("security/test_caching.py", "security/test_endless.py", "security/test_error_pages.py"),
    *("security/test_lookups.py", "security/test_markup.py", "security/test_nul.py", "security/test_parameters.py"),
    *("security/test_permissions.py", "security/test_personal_data.py", "security/test_secrets.py"),
    *("security/test_text_of_strangers.py", "security/test_users_and_pages.py", "speed/test_path.py"),
    *("testing/test_plugin.py", "tests/test_types.py"),
})  # fmt: skip
ON_EACH_DATABASE = (
    *("test_collect.py", "test_concurrency.py", "test_erase.py", "test_export.py", "test_find_page.py"),
    *("test_kills.py", "test_lists.py", "test_prune.py", "test_retention.py"),
)

NAMES = {"/".join(path.parts[-length:]) for path in HERE.glob("**/*") for length in (1, 2)}
assert NAMES.issuperset({*SHARES, *SLOW, *ON_EACH_DATABASE}), {*SHARES, *SLOW, *ON_EACH_DATABASE} - NAMES


def is_slow(item):
    """True if the quick tests leave out the whole file."""
    return "/".join(item.path.parts[-2:]) in SLOW


def shared_out(item):
    """The only database that a test needs to run on; none for all of them. What uses no database runs on SQLite."""
    if "STOCKHUB_TESTS_SHARED" in os.environ and item.path.name not in ON_EACH_DATABASE:
        parts = item.path.relative_to(HERE).parts
        places = [SHARES[part] for part in ("/".join(parts[-2:]), *reversed(parts)) if part in SHARES]
        if item.get_closest_marker("server"):
            places.append("sqlite")
        if places:
            return {places[0]}
    uses_one = item.get_closest_marker("django_db") or not {"db", "transactional_db"}.isdisjoint(item.fixturenames)
    return set() if uses_one or item.get_closest_marker("server") else {"sqlite"}
