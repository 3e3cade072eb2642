"""The address of the site, for links that no request is at hand for."""

from __future__ import annotations

from urllib.parse import urlsplit

from stockhub_webhooks.conf import conf
from stockhub_webhooks.contract.client import is_loopback
from stockhub_webhooks.models import SiteAddress
from stockhub_webhooks.operations.health.work import rows_of


def site_url() -> str:
    """Return `SITE_URL`, or scheme and host of the address that the doctor was given last; "" without both."""
    if conf.SITE_URL:
        return conf.SITE_URL.rstrip("/")
    return str(rows_of(SiteAddress).values_list("url", flat=True).first() or "")


def remember(url: str) -> None:
    """Remember the scheme and host of the address for Stock Hub, which `stockhub_doctor` found to be right."""
    parts = urlsplit(url)
    if is_loopback(parts.hostname or ""):
        return
    rows_of(SiteAddress).update_or_create(
        pk=SiteAddress.ONLY, defaults={"url": f"{parts.scheme}://{parts.netloc}"[:300]}
    )
