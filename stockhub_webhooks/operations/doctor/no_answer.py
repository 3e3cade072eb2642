"""Explanations for a request without a response. One function for each cause."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.contract.client import TIMEOUT_SECONDS, NoResponse
from stockhub_webhooks.operations.doctor.explanations import Explanation
from stockhub_webhooks.operations.doctor.findings import Verdict, problem


def unanswered(failure: NoResponse) -> Verdict:
    """Return the finding for a missing response."""
    cause = next(cause for error_class, cause in FAULTS if isinstance(failure.error, error_class))
    what, todo = cause(failure)
    return problem(cause.__name__, f"{failure.url}: {what}", todo)


# OpenSSL's numbers, X509_V_ERR_…: https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/
CERTIFICATES: dict[int, Explanation] = {
    9: (_("its certificate is not valid yet."), _("Is the clock of this machine right? Or wait, or renew it.")),
    10: (_("its certificate has expired."), _("Renew it, and let that happen by itself (certbot, your host).")),
    18: (
        _("its certificate is signed by itself, which Stock Hub will not trust."),
        _("Get one of a public authority, such as Let's Encrypt."),
    ),
    20: (
        _("it is not known who signed its certificate: an own authority, or the certificate between is not sent."),
        _("Let the server send the whole chain (fullchain.pem), signed by a public authority."),
    ),
    62: (
        _("its certificate is for another name."),
        _("Get a certificate for this very name, or give Stock Hub the name that the certificate has."),
    ),
}
CERTIFICATES |= {19: CERTIFICATES[20], 21: CERTIFICATES[20], 64: CERTIFICATES[62]}


def certificate(failure: NoResponse) -> Explanation:
    """Explain a certificate that we reject, as Stock Hub would."""
    fault = failure.error
    code = getattr(fault, "verify_code", 0)
    detail = getattr(fault, "verify_message", "") or type(fault).__name__
    unknown = _("its certificate is not valid (%(detail)s).") % {"detail": detail}
    return CERTIFICATES.get(code) or (unknown, _("Get a certificate that browsers trust, too."))


def no_tls(failure: NoResponse) -> Explanation:
    """Explain a server that does not speak TLS."""
    return _("no https is spoken there."), _("Is the port right? Let the proxy speak https there.")


def no_name(failure: NoResponse) -> Explanation:
    """Explain a host name without a DNS record."""
    name = urlsplit(failure.url).hostname
    return (
        _("the name %(name)s is not found in the DNS.") % {"name": name},
        _("Is it spelt right? Is its DNS record set, and public?"),
    )


def refused(failure: NoResponse) -> Explanation:
    """Explain a closed port."""
    return _("nobody listens there."), _("Start the web server, or open the port in the firewall.")


def too_late(failure: NoResponse) -> Explanation:
    """Explain a time-out: a busy server, or a firewall that drops the request."""
    return (
        _("no answer within %(seconds)d seconds.") % {"seconds": TIMEOUT_SECONDS},
        _("Is the port open in the firewall? Are all workers busy, or does the database hang (OPTIONS)?"),
    )


def broken_off(failure: NoResponse) -> Explanation:
    """Explain a connection that breaks, or a response that is not HTTP."""
    return (
        _("the connection broke off (%(detail)s).") % {"detail": type(failure.error).__name__},
        _("See the log of the proxy and of the application: a worker may have died."),
    )


def unreachable(failure: NoResponse) -> Explanation:
    """Explain a network without a route to the server."""
    return (
        _("it cannot be reached (%(detail)s).") % {"detail": type(failure.error).__name__},
        _("Look at the network and the firewall. Can this machine reach its own public address at all?"),
    )


FAULTS: tuple[tuple[type[BaseException], Callable[[NoResponse], Explanation]], ...] = (
    (ssl.SSLCertVerificationError, certificate),
    (ssl.SSLError, no_tls),
    (socket.gaierror, no_name),
    (ConnectionRefusedError, refused),
    (TimeoutError, too_late),
    (ConnectionError, broken_off),
    (http.client.HTTPException, broken_off),
    (BaseException, unreachable),
)
