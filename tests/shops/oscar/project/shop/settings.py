"""A small shop of django-oscar, as its documentation says; `stockhub_settings` is the code of docs/guides/oscar.md."""

import os
from pathlib import Path

import dj_database_url
from oscar.defaults import *  # noqa: F403

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "a key for trials"
ALLOWED_HOSTS = ["testserver"]
SITE_ID = 1
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "shop.urls"
STATIC_URL, STATIC_ROOT = "/static/", BASE_DIR / "static"
MEDIA_URL, MEDIA_ROOT = "/media/", BASE_DIR / "media"
ADMINS = [("Office", "office@example.com")]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# Oscar asks for ATOMIC_REQUESTS
DATABASES = {"default": dj_database_url.config() | {"ATOMIC_REQUESTS": True}}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 60}

OSCAR_APPS = """
analytics.apps.AnalyticsConfig checkout.apps.CheckoutConfig address.apps.AddressConfig shipping.apps.ShippingConfig
catalogue.apps.CatalogueConfig catalogue.reviews.apps.CatalogueReviewsConfig communication.apps.CommunicationConfig
partner.apps.PartnerConfig basket.apps.BasketConfig payment.apps.PaymentConfig offer.apps.OfferConfig
order.apps.OrderConfig customer.apps.CustomerConfig search.apps.SearchConfig voucher.apps.VoucherConfig
wishlists.apps.WishlistsConfig dashboard.apps.DashboardConfig dashboard.reports.apps.ReportsDashboardConfig
dashboard.users.apps.UsersDashboardConfig dashboard.orders.apps.OrdersDashboardConfig
dashboard.catalogue.apps.CatalogueDashboardConfig dashboard.offers.apps.OffersDashboardConfig
dashboard.partners.apps.PartnersDashboardConfig dashboard.pages.apps.PagesDashboardConfig
dashboard.ranges.apps.RangesDashboardConfig dashboard.reviews.apps.ReviewsDashboardConfig
dashboard.vouchers.apps.VouchersDashboardConfig dashboard.communications.apps.CommunicationsDashboardConfig
dashboard.shipping.apps.ShippingDashboardConfig
"""
INSTALLED_APPS = [
    *(f"django.contrib.{name}" for name in ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles")),
    "django.contrib.sites",
    "django.contrib.flatpages",
    "oscar.config.Shop",
    *(f"oscar.apps.{name}" for name in OSCAR_APPS.split()),
    "widget_tweaks",
    "haystack",
    "treebeard",
    "easy_thumbnails",
    "django_tables2",
]
OSCAR_THUMBNAILER = "oscar.core.thumbnails.EasyThumbnails"
OSCAR_DEFAULT_CURRENCY = "EUR"
OSCAR_INITIAL_ORDER_STATUS = OSCAR_INITIAL_LINE_STATUS = "Pending"
OSCAR_ALLOW_ANON_CHECKOUT = True
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "oscar.apps.basket.middleware.BasketMiddleware",
    "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware",
]
CONTEXT_PROCESSORS = """
django.template.context_processors.request django.contrib.auth.context_processors.auth
django.contrib.messages.context_processors.messages oscar.apps.search.context_processors.search_form
oscar.apps.checkout.context_processors.checkout oscar.core.context_processors.metadata
oscar.apps.communication.notifications.context_processors.notifications
"""
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": CONTEXT_PROCESSORS.split()},
    },
]
AUTHENTICATION_BACKENDS = (
    "oscar.apps.customer.auth_backends.EmailBackend",
    "django.contrib.auth.backends.ModelBackend",
)
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}

exec((BASE_DIR / "stockhub_settings.py").read_text(), named := globals() | {"os": os})
STOCKHUB_WEBHOOKS = named.pop("STOCKHUB_WEBHOOKS") | {"SPOOL_DIR": BASE_DIR / "spool"}
globals().update({name: value for name, value in named.items() if name.isupper()})
os.makedirs(STOCKHUB_WEBHOOKS["SPOOL_DIR"], mode=0o700, exist_ok=True)
