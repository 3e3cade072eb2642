"""Mails by SMTP, in the settings of each Django."""

import django

SMTP = "django.core.mail.backends.smtp.EmailBackend"


def use_smtp(settings, timeout):
    """Let Django send mails by SMTP with a time-out in seconds; None: it waits for ever."""
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {"BACKEND": SMTP, "OPTIONS": {"host": "localhost", "timeout": timeout}}}
    else:
        settings.EMAIL_BACKEND, settings.EMAIL_TIMEOUT = SMTP, timeout
