"""Explanations for a response that is not the expected one. One function for each cause.

Stock Hub never repeats a message, so each cause loses messages. A foreign 200 is the worst: Stock Hub sees a success.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import SplitResult, urljoin, urlsplit

from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.contract.client import Response
from stockhub_webhooks.operations.doctor.findings import Text, Verdict, problem

Explanation = tuple[Text, Text]  # (cause, what to do)

CHALLENGES = (
    "just a moment",
    "challenge-platform",
    "cf-chl",
    "captcha",
    "ddos-guard",
    "incapsula",
    "sucuri",
    "enable javascript",
)
LOGINS = ("login", "signin", "sign-in", "sso", "oauth", "authorize")

# what to do about a redirect
USE_HTTPS = _("Give Stock Hub the address with https.")
EXEMPT_FROM_LOGIN = _(
    "Let these addresses through whatever asks for a login: a middleware, the proxy, a closed test site."
)
KEEP_SLASH = _(
    "Something before this app adds or takes a slash at the end (the app takes both): let it not do so here."
)
FIND_REDIRECT = _("Find out who redirects (the proxy, a middleware), and let these addresses through.")


def explained(answer: Response) -> Verdict:
    """Return the finding for an unexpected response."""
    code, (what, todo) = next((cause.__name__, explanation) for cause in CAUSES if (explanation := cause(answer)))
    return problem(code, f"{answer.url}: {what}", todo)


def redirect(answer: Response) -> Explanation | None:
    """Explain a redirect: a client follows it with a GET, or gives up, so the message is lost."""
    if answer.status not in (301, 302, 303, 307, 308):
        return None
    there = urljoin(answer.url, answer.headers.get("location", ""))
    what = _("it redirects to %(there)s (%(status)d), and a message that is redirected is lost.")
    shown = urlsplit(there)._replace(query="", fragment="").geturl()
    return what % {"there": shown, "status": answer.status}, _instead(urlsplit(answer.url), urlsplit(there))


def _instead(here: SplitResult, there: SplitResult) -> Text:
    """Return what to do about a redirect, by the part of the URL that it changes."""
    if _leads_to_login(here, there):
        return EXEMPT_FROM_LOGIN
    if here[:3] == there[:3]:
        return _("Set SECURE_PROXY_SSL_HEADER: behind the proxy, Django does not see that it was asked by https.")
    if not _is_same_site(here, there):
        return FIND_REDIRECT
    if (here.scheme, there.scheme) == ("http", "https"):
        return USE_HTTPS
    if here.netloc != there.netloc:
        return _("Give Stock Hub the address with the host name %(name)s.") % {"name": there.netloc}
    if here.path.rstrip("/") == there.path.rstrip("/"):
        return KEEP_SLASH
    if there.path.endswith(here.path):
        return _('Take include("stockhub_webhooks.urls") out of i18n_patterns.')
    return FIND_REDIRECT


def _is_same_site(here: SplitResult, there: SplitResult) -> bool:
    return (here.hostname or "").removeprefix("www.") == (there.hostname or "").removeprefix("www.")


def _leads_to_login(here: SplitResult, there: SplitResult) -> bool:
    new = f"{there.hostname}{there.path}".lower().replace(f"{here.hostname}{here.path}".lower(), "")
    return "next=" in there.query or any(sign in new for sign in LOGINS)


def challenge(answer: Response) -> Explanation | None:
    """Explain a firewall that challenges the client to be a browser."""
    page = answer.text.lower()
    if "cf-mitigated" not in answer.headers and not (answer.is_html and any(sign in page for sign in CHALLENGES)):
        return None
    what = _("a firewall asks whether we are a person (%(status)d).") % {"status": answer.status}
    return what, _("Let these addresses through the firewall without a challenge: Stock Hub is a program.")


def login_page(answer: Response) -> Explanation | None:
    """Explain a login page with the status 200."""
    if answer.status != 200 or not answer.is_html or "password" not in answer.text.lower():
        return None
    what = _('a login page answers 200, which Stock Hub takes for "received": the message is lost.')
    return what, EXEMPT_FROM_LOGIN


def ours(answer: Response) -> Explanation | None:
    """Explain a refusal by this app."""
    if not answer.is_ours:
        return None
    if answer.status == 401:
        what = _("this app is there, and does not know this key (401): the server has other keys than this command.")
        return what, _("Set the same API_KEYS for the server, and restart it. Does it read another .env?")
    if answer.status == 503 and "title" not in answer.data:
        return _("this app is there, and its database is not (503)."), _("Start the server's database.")
    what = _("this app answers %(status)d: %(detail)s")
    detail = answer.data.get("detail", "")
    return what % {"status": answer.status, "detail": detail}, _("See the log of the server.")


def basic_auth(answer: Response) -> Explanation | None:
    """Explain basic authentication for the whole site."""
    if answer.status != 401 or "www-authenticate" not in answer.headers:
        return None
    what = _("the server asks for a user and a password (401, %(kind)s).")
    kind = answer.headers["www-authenticate"].split(" ")[0]
    return what % {"kind": kind}, _("Take the password off these addresses: their x-api-key protects them.")


def unknown_host(answer: Response) -> Explanation | None:
    """Explain a host that is missing in `ALLOWED_HOSTS`."""
    page = answer.text.lower()
    if answer.status != 400 or not any(
        sign in page for sign in ("bad request (400)", "disallowedhost", "allowed_hosts")
    ):
        return None
    what = _("Django does not know the host name %(name)s (400).") % {"name": urlsplit(answer.url).hostname}
    return what, _("Add %(name)s to ALLOWED_HOSTS.") % {"name": repr(urlsplit(answer.url).hostname)}


def csrf(answer: Response) -> Explanation | None:
    """Explain a CSRF failure, although our views are exempt."""
    if answer.status != 403 or "csrf" not in answer.text.lower():
        return None
    what = _("the check against forged forms (CSRF) refuses it (403).")
    return what, _("These views are exempt from it: find the middleware or the wrapping view that checks nevertheless.")


def known_status(answer: Response) -> Explanation | None:
    """Explain a status that has one usual cause."""
    return BY_STATUS.get(answer.status)


def false_success(answer: Response) -> Explanation | None:
    """Explain a 2xx of another application, which Stock Hub takes for success."""
    if not 200 <= answer.status < 300:
        return None
    what = _('somebody else answers %(status)d, which Stock Hub takes for "received": the message is lost.')
    todo = _("Is it a maintenance page, or another application? It must answer 503, or let these addresses through.")
    return what % {"status": answer.status}, todo


def anything_else(answer: Response) -> Explanation:
    """Explain any other response."""
    what = _("somebody else answers %(status)d.") % {"status": answer.status}
    return what, _("Find out who answers (the proxy, a middleware), and let these addresses through.")


BY_STATUS: dict[int, Explanation] = {
    403: (
        _("somebody refuses it before it reaches this app (403)."),
        _("Let these addresses through the firewall or the proxy, for all who ask."),
    ),
    404: (
        _("nothing is there (404)."),
        _('Is this the address at which urls.py has include("stockhub_webhooks.urls")? Does the proxy pass it on?'),
    ),
    405: (
        _("somebody else is there, who does not take this method (405)."),
        _("Let the proxy pass POST on, and let no other view stand before ours in urls.py."),
    ),
    413: (
        _("the proxy takes no message of this length (413)."),
        _("Let it take 1 MiB: nginx, client_max_body_size 1m."),
    ),
    429: (
        _("it was asked too often (429)."),
        _("Take these addresses out of the rate limit: Stock Hub sends in bursts, and each message once."),
    ),
    500: (
        _("the server fails (500)."),
        _("See its log: this app answers 503 where it cannot store, so it is something around it."),
    ),
    502: (
        _("the proxy does not reach the application (502)."),
        _("Start the application, or tell the proxy where it listens."),
    ),
    503: (
        _("closed, or overloaded: somebody answers 503 before this app."),
        _("Is it a maintenance page? Let these addresses through while the rest is closed."),
    ),
    504: (
        _("the application does not answer the proxy in time (504)."),
        _("See what holds it up: all workers busy, or a database that hangs (OPTIONS)."),
    ),
}

CAUSES: tuple[Callable[[Response], Explanation | None], ...] = (
    redirect,
    ours,
    challenge,
    login_page,
    basic_auth,
    unknown_host,
    csrf,
    known_status,
    false_success,
    anything_else,
)
