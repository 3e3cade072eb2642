"""The project that is measured. What differs between the contestants comes from the environment."""

import os

import environ

env = environ.Env()

KEY = "the-key-of-the-measurements-0123456789"
SECRET_KEY = "only for measurements, nothing is signed with it that lives longer"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
STATIC_URL = "static/"
ROOT_URLCONF = "benchmarks.measure.site.urls"
WSGI_APPLICATION = "benchmarks.measure.site.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}  # Django 6.1 warns without

WITH_APP = env.bool("SPEED_APP", default=True)
WITH_BASELINES = env.bool("SPEED_BASELINES", default=True)
WITH_RECEIVER = env.bool("SPEED_RECEIVER", default=False)
WITH_PEERS = env.bool("SPEED_PEERS", default=False)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "rest_framework",
]
if WITH_APP:
    INSTALLED_APPS += ["stockhub_webhooks"]
if WITH_BASELINES:
    INSTALLED_APPS += ["benchmarks.measure.baselines"]
# those of `startproject`
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
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
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "UNAUTHENTICATED_USER": None,
}

DATABASES = {"default": env.db_url("DATABASE_URL", default="sqlite://:memory:")}
if DATABASES["default"]["ENGINE"].endswith("postgresql"):
    DATABASES["default"] |= {"CONN_MAX_AGE": 600, "OPTIONS": {"sslmode": "disable"}}

STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "RUNNER": os.environ.get("SPEED_RUNNER", "inline")}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "ERROR"},
}

if WITH_PEERS:
    INSTALLED_APPS += ["djstripe", "anymail"]
    STRIPE_TEST_SECRET_KEY = "sk_test_0000measured0000000000000000"
    STRIPE_LIVE_MODE = False
    STRIPE_API_HOST = "http://127.0.0.1:9"  # a call of Stripe's API would fail at once, and show as an error
    DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
    if env.bool("SPEED_STRIPE_DEFERRED", default=False):
        DJSTRIPE_WEBHOOK_EVENT_CALLBACK = "benchmarks.measure.baselines.views.for_later"
    ANYMAIL = {"WEBHOOK_SECRET": "user:password"}
