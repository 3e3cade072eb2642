"""Settings of a hostile host: transactions around requests, forced login, strict DRF, slashes appended."""

import os

import django
import environ

env = environ.Env()

SECRET_KEY = "only for tests, nothing is signed with it that lives longer"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
TIME_ZONE = "Europe/Amsterdam"
LANGUAGE_CODE = "en"
ROOT_URLCONF = "tests.host.urls"
WSGI_APPLICATION = "tests.host.wsgi.application"
APPEND_SLASH = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 100
STATIC_URL = "static/"
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
else:
    EMAIL_TIMEOUT = 10
# Django 6 wants addresses, 5.2 pairs
ADMINS = ["office@example.com"] if django.VERSION >= (6, 0) else [("Office", "office@example.com")]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "stockhub_webhooks",
    "tests.host",
]
MIDDLEWARE = [
    "tests.host.security.content_security_policy",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
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
REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.BrowsableAPIRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.MultiPartParser"],
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"anon": "1/day"},
}

default = env.db_url("DATABASE_URL", default="sqlite:///stockhub-tests.sqlite3")
default |= {"ATOMIC_REQUESTS": True, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
options = default.setdefault("OPTIONS", {})
if default["ENGINE"].endswith("sqlite3"):
    options["timeout"] = 20
    # pytest-xdist appends the name of its process, so the last parameter is one that SQLite does not know
    in_memory = "file:stockhub?mode=memory&cache=shared&process="
    default["TEST"] = {"NAME": os.environ.get("TEST_SQLITE_FILE", in_memory)}
elif default["ENGINE"].endswith("mysql"):
    options |= {"connect_timeout": 10, "read_timeout": 100, "write_timeout": 100}
else:
    options |= {"connect_timeout": 10, "tcp_user_timeout": 100_000, "options": "-c statement_timeout=100000"}
DATABASES = {
    "default": default,
    "other": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ":memory:",
        "ATOMIC_REQUESTS": True,
        "TEST": {"DEPENDENCIES": []},
    },
}
DATABASE_ROUTERS = ["tests.host.routers.DefaultOnly"]

# the samples are years old, and each test but those of the worklists counts the events of its messages alone
NO_DEADLINES = dict.fromkeys(
    ("not_sent", "complete_without_shipment", "silent_in_transit", "problem_on_the_way", "return_not_answered",
     "return_not_credited", "cancelled_but_sent", "invoiced_not_shipped", "amounts_differ", "pieces_differ",
     "order_missing", "not_in_shop", "payment_open")
)  # fmt: skip
STOCKHUB_WEBHOOKS = {"API_KEYS": "the-key-of-the-tests-0123456789", "DEADLINE_DAYS": NO_DEADLINES}
