"""Address and credentials of Stock Hub's REST calls, from the settings."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.utils.module_loading import import_string
from django.views.decorators.debug import sensitive_variables

from stockhub_webhooks.conf import NAME, conf
from stockhub_webhooks.contract.client import is_loopback
from stockhub_webhooks.exceptions import RestNotConfigured


def base_url(account: str) -> str:
    """Return the address of the calls, without a slash at the end.

    Raises:
        RestNotConfigured: there is none, or it is not https; http is accepted for this machine only.
    """
    url = conf.of_account("REST_BASE_URL", account).rstrip("/")
    if not url:
        raise RestNotConfigured(f"{NAME}['REST_BASE_URL'] is not set for the account {account!r}")
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        host, has_port = "", False
    is_plain = url.isprintable() and " " not in url and bool(host.strip("."))
    if not is_plain or not has_port or parts.username or parts.password or parts.query or parts.fragment:
        raise RestNotConfigured(f"{NAME}['REST_BASE_URL'] is no address such as https://…/rest/all, without a password")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise RestNotConfigured(f"{NAME}['REST_BASE_URL'] must begin with https://, for the token is sent there")
    return url


@sensitive_variables()
def authentication(account: str) -> dict[str, str]:
    """Return the headers that authenticate the calls: those of `REST_AUTH`, or the bearer token.

    Raises:
        RestNotConfigured: there are none, or no header can carry them; the text of the error holds no secret.
    """
    fault, headers = "", {}
    if path := conf.of_account("REST_AUTH", account):
        try:
            headers = dict(import_string(path)(account))
        except Exception as error:
            fault = f"{NAME}['REST_AUTH'] failed ({type(error).__name__})"
    elif token := conf.of_account("REST_TOKEN", account):
        headers = {"Authorization": f"Bearer {token}"}
    else:
        fault = f"neither {NAME}['REST_TOKEN'] nor ['REST_AUTH'] is set for the account {account!r}"
    if not fault and not all(_is_header(part) for pair in headers.items() for part in pair):
        fault = f"{NAME}['REST_TOKEN'] or ['REST_AUTH'] has characters that no header can carry"
    if fault:
        raise RestNotConfigured(fault)
    return headers


def _is_header(text: object) -> bool:
    return isinstance(text, str) and bool(text) and text.isascii() and text.isprintable()
