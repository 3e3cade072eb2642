"""A small shop with one package of other people, or one backend of its own, named by HOST."""

import os
import re
import textwrap
from pathlib import Path

import environ

HOST = os.environ["HOST"]
SECRET_KEY = "only for tests"
DEBUG = HOST == "toolbar"  # as on a developer's machine
ALLOWED_HOSTS = ["*"]
USE_TZ = True
ROOT_URLCONF = "tests.hosts.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "static/"
DJANGO_APPS = [
    f"django.contrib.{name}" for name in ("contenttypes", "auth", "sessions", "messages", "admin", "staticfiles")
]
INSTALLED_APPS = [*DJANGO_APPS, "rest_framework", "stockhub_webhooks"]
MIDDLEWARE = [
    "django.middleware.common.CommonMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
CONTEXT = ["django.template.context_processors.request"]
CONTEXT += [f"django.contrib.{name}.context_processors.{name}" for name in ("auth", "messages")]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": CONTEXT},
    }
]
DATABASES = {"default": environ.Env().db_url("DATABASE_URL") | {"CONN_MAX_AGE": 600}}
STOCKHUB_WEBHOOKS = {"API_KEYS": "the-key-of-the-tests-0123456789", "RUNNER": os.environ.get("RUNNER", "inline")}

if HOST == "tenants":
    DATABASES["default"]["ENGINE"] = "django_tenants.postgresql_backend"
    DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
    SHARED_APPS = ["django_tenants", "tests.hosts.tenants", *DJANGO_APPS]
    TENANT_APPS = ["rest_framework", "stockhub_webhooks"]
    INSTALLED_APPS = SHARED_APPS + TENANT_APPS
    TENANT_MODEL, TENANT_DOMAIN_MODEL = "tenants.Tenant", "tenants.Domain"
    MAIN = "django_tenants.middleware.main.TenantMainMiddleware"
    MIDDLEWARE = [os.environ.get("TENANT_MIDDLEWARE", MAIN), *MIDDLEWARE]
elif HOST == "history":
    INSTALLED_APPS += ["pgtrigger", "pghistory"]
    MIDDLEWARE += ["pghistory.middleware.HistoryMiddleware"]
elif HOST == "toolbar":
    INSTALLED_APPS += ["debug_toolbar"]
    MIDDLEWARE = ["debug_toolbar.middleware.DebugToolbarMiddleware", *MIDDLEWARE]
    DEBUG_TOOLBAR_PANELS = ["debug_toolbar.panels.sql.SQLPanel"]
    DEBUG_TOOLBAR_CONFIG = {"SHOW_TOOLBAR_CALLBACK": "tests.hosts.urls.always"}
elif HOST == "backend":
    DATABASES["default"]["ENGINE"] = "tests.hosts.backend"
elif HOST == "pooled":
    DATABASES["default"] |= {"CONN_MAX_AGE": 0, "OPTIONS": {"pool": {"min_size": 1, "max_size": 4, "timeout": 5}}}
elif HOST == "asgi":
    DATABASES["default"]["CONN_MAX_AGE"] = 0  # as Django says
elif HOST == "replica":
    DATABASES["replica"] = environ.Env().db_url("REPLICA_URL")
    DATABASE_ROUTERS = ["tests.hosts.routers.ReadsFromReplica"]
    SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"  # a session that is a row is read on the replica
    STOCKHUB_WEBHOOKS |= {"METRICS": True, "METRICS_TOKEN": "the-token-of-the-tests-0123456789"}
    REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"]}
elif HOST == "silk":
    INSTALLED_APPS += ["silk"]
    MIDDLEWARE = ["silk.middleware.SilkyMiddleware", *MIDDLEWARE]
    STOCKHUB_WEBHOOKS |= {"MAX_BODY_BYTES": 5_000_000}
    if "SILK_AS_ADVISED" in os.environ:
        advice = Path("SECURITY.md").read_text(encoding="utf-8")
        exec(textwrap.dedent(re.search(r"```python\n(.*SILKY_.*?)```", advice, re.DOTALL)[1]))
elif HOST == "cacheops":
    INSTALLED_APPS = ["cacheops", *INSTALLED_APPS]
    CACHEOPS_REDIS = os.environ["REDIS_URL"]
    CACHEOPS = {"stockhub_webhooks.*": None, "*.*": {"ops": "all", "timeout": 600}}
elif HOST == "naive":
    USE_TZ = False
elif HOST == "bare":
    INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "stockhub_webhooks"]
    MIDDLEWARE = []
    TEMPLATES[0]["OPTIONS"] = {}
elif HOST in ("unfold", "jazzmin"):
    INSTALLED_APPS = [HOST, *INSTALLED_APPS]
elif HOST == "leaving":
    STOCKHUB_WEBHOOKS |= {
        "SPOOL_DIR": os.path.join(os.environ["VAR_DIR"], "spool"),
        "JOURNAL_COPY_DIR": os.path.join(os.environ["VAR_DIR"], "copy"),
    }
