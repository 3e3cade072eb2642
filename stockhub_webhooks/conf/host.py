"""What the host's other settings mean for this app."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.http.request import validate_host

SMTP = "django.core.mail.backends.smtp.EmailBackend"


class HostSettings:
    """Answers from Django's own settings of the host."""

    def root_package(self) -> str:
        """Return the package of the host's `ROOT_URLCONF`, "" if it is in none."""
        return str(getattr(settings, "ROOT_URLCONF", None) or "").rpartition(".")[0]

    def uses_time_zones(self) -> bool:
        """Return True if the host's times are aware."""
        return bool(settings.USE_TZ)

    def mails_wait_forever(self) -> bool:
        """Return True if the shop's mails wait without a limit for a mail server that does not answer."""
        if django.VERSION >= (6, 1) and hasattr(settings, "MAILERS"):
            mailers: Any = settings.MAILERS
            mailer = mailers.get("default", {})
            backend, timeout = mailer.get("BACKEND", SMTP), mailer.get("OPTIONS", {}).get("timeout")
        else:
            backend, timeout = settings.EMAIL_BACKEND, settings.EMAIL_TIMEOUT
        return backend.startswith(SMTP.rpartition(".")[0]) and timeout is None

    def mail_to_admins(self) -> tuple[str, str, list[str]]:
        """Return the beginning of the subject, the sender and the recipients of a mail to `ADMINS`."""
        recipients = [
            admin if isinstance(admin, str) else admin[1] for admin in settings.ADMINS
        ]  # pairs before Django 6
        return settings.EMAIL_SUBJECT_PREFIX, settings.SERVER_EMAIL, recipients

    def has_urls(self) -> bool:
        """Return True if the host has a URLconf."""
        return bool(getattr(settings, "ROOT_URLCONF", None))

    def public_schema(self) -> str:
        """Return the name of the schema that no tenant of django-tenants has."""
        return str(getattr(settings, "PUBLIC_SCHEMA_NAME", "public"))

    def redirects(self) -> Iterator[tuple[str, str]]:
        """Yield why Django's middleware may redirect a message, and what to do about it."""
        if settings.SECURE_SSL_REDIRECT and not settings.SECURE_PROXY_SSL_HEADER:
            hint = "Behind a proxy that ends https, set SECURE_PROXY_SSL_HEADER; or exempt the address."
            yield "SECURE_SSL_REDIRECT is on without SECURE_PROXY_SSL_HEADER", hint
        if settings.PREPEND_WWW:
            yield "PREPEND_WWW is on", "Give Winkelstraat the address with www."

    def refuses_host(self, host: str) -> bool:
        """Return True if `ALLOWED_HOSTS` lacks a host, or is empty; with DEBUG, the settings are not final."""
        allowed = settings.ALLOWED_HOSTS
        return not settings.DEBUG and not (validate_host(host, allowed) if host else allowed)

    def uses_asgi(self) -> bool:
        """Return True if the host is served by ASGI, as its settings say."""
        return bool(getattr(settings, "ASGI_APPLICATION", None))

    def language(self) -> str:
        """Return the host's default language, for work that belongs to no user's request."""
        return str(settings.LANGUAGE_CODE)

    def public_directories(self) -> list[tuple[str, Path]]:
        """Return the directories that a web server may publish, each with the name of its setting."""
        directories = [("MEDIA_ROOT", settings.MEDIA_ROOT), ("STATIC_ROOT", settings.STATIC_ROOT)]
        for entry in settings.STATICFILES_DIRS:
            directories.append(("STATICFILES_DIRS", entry[1] if isinstance(entry, (list, tuple)) else entry))
        return [(name, Path(path)) for name, path in directories if path]

    def form_limit(self) -> int | None:
        """Return the largest form in bytes that the host accepts, or None if there is no limit."""
        limit: int | None = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        return limit
