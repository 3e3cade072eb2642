"""Settings of the shop. Values that differ between machines come from the environment, see `.env.example`."""

import os
from pathlib import Path

import environ
from django.core.management.utils import get_random_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
env_file = os.environ.get("ENV_FILE")
env.read_env(env_file or BASE_DIR / ".env", overwrite=bool(env_file))  # ENV_FILE overrides the environment

SECRET_KEY = env("SECRET_KEY", default="") or get_random_secret_key()  # without one, logins end with the process
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1"])
ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "stockhub_webhooks",
    "shop",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
LANGUAGE_CODE = "en"
TIME_ZONE = "Europe/Amsterdam"
USE_TZ = True
STATIC_URL = "static/"

VAR_DIR = Path(env("VAR_DIR", default=str(BASE_DIR / "var")))  # files that must outlive the process
VAR_DIR.mkdir(parents=True, exist_ok=True)

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'shop.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Readers do not wait for a writer (WAL), and writers wait in line instead of failing with "database is locked".
    WAL = {"init_command": "PRAGMA journal_mode=WAL", "transaction_mode": "IMMEDIATE", "timeout": 20}
    DATABASES["default"]["OPTIONS"] = WAL
else:
    DATABASES["default"] |= {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
    # After these time-outs a message goes to the spool, so that a hanging database does not keep Stock Hub waiting.
    DATABASES["default"]["OPTIONS"] = (
        {"connect_timeout": 5, "read_timeout": 15, "write_timeout": 15}
        if DATABASES["default"]["ENGINE"].endswith("mysql")
        else {"connect_timeout": 5, "tcp_user_timeout": 10_000, "options": "-c statement_timeout=15000"}
    ) | DATABASES["default"].get("OPTIONS", {})

STOCKHUB_WEBHOOKS = {
    "API_KEYS": env("STOCKHUB_API_KEY", default=""),
    "HOST_ORDER_RESOLVER": "shop.stockhub_receivers.find_shop_order",
    "HOST_ORDER_NUMBER": "number",
    "SPOOL_DIR": VAR_DIR / "spool",
    "ALERT": "",  # the demo has no mail server; without this line, problems are mailed to ADMINS
    "BACKOFF_BASE_SECONDS": env.float("STOCKHUB_BACKOFF_BASE_SECONDS", default=30),
}
SILENCED_SYSTEM_CHECKS = ["stockhub_webhooks.W040"]  # in the demo, the overview of the admin is looked at
MAIL_SERVICE_URL = env("MAIL_SERVICE_URL", default="")
