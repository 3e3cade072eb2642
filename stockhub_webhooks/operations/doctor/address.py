"""Examination from outside: whether the URLs for Stock Hub lead to this app, and whether a test message arrives.

Only the account `test` posts a message; its order is shown as a test. The key of a real account is used for `health`
only.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.urls import NoReverseMatch, get_script_prefix, reverse
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.conf import TEST_ACCOUNT, conf
from stockhub_webhooks.contract import topics
from stockhub_webhooks.contract.addresses import ACCOUNT_HEADER
from stockhub_webhooks.contract.client import NoResponse, Response, is_loopback, send
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Message
from stockhub_webhooks.operations.doctor import keys
from stockhub_webhooks.operations.doctor.explanations import explained
from stockhub_webhooks.operations.doctor.findings import Section, Verdict, fine, problem, warning
from stockhub_webhooks.operations.doctor.no_answer import unanswered
from stockhub_webhooks.operations.health.problems import Level
from stockhub_webhooks.receiving import spool

HEALTH = "health"
USUAL_PATH = "/api/v1/stockhub/"
ARRIVAL_SECONDS = 10.0
PAUSE_SECONDS = 0.5
SLOW_SECONDS = 5.0


class NoAddress(ValueError):
    """The text is not a URL that Stock Hub can use; the message says why."""


@dataclass(frozen=True)
class BaseUrl:
    """The common beginning of all URLs of this app, such as https://shop.example/api/v1/stockhub/."""

    prefix: str

    @classmethod
    def read(cls, text: str) -> BaseUrl:
        """Parse the URL of the site, of the app, or of one topic.

        Raises:
            NoAddress: it is not an http(s) URL, or it contains a password.
        """
        try:
            parts = urlsplit(text.strip())
            is_whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError as error:
            raise NoAddress(f"{error}") from None
        if not is_whole:
            raise NoAddress("an address begins with https:// and a host name")
        if "@" in parts.netloc:
            raise NoAddress("no user and no password may stand in it: Stock Hub would not send them")
        return cls(f"{parts.scheme}://{parts.netloc}{_without_ending(parts.path)}")

    @property
    def is_secret(self) -> bool:
        """True if a key may be sent: by https, or to this machine."""
        parts = urlsplit(self.prefix)
        return parts.scheme == "https" or is_loopback(parts.hostname or "")

    @property
    def for_mail(self) -> str:
        """The URL for the mail, with a placeholder host if Stock Hub cannot use this one."""
        parts = urlsplit(self.prefix)
        is_usable = parts.scheme == "https" and not is_loopback(parts.hostname or "")
        return self.prefix if is_usable else f"https://shop.example{parts.path}"

    def of(self, ending: str) -> str:
        """Return the URL of a topic, or of `health`."""
        return f"{self.prefix}{ending}"


def _without_ending(path: str) -> str:
    """Return the path of the app with a final slash; the usual one if the path is empty."""
    if not path.strip("/"):
        return usual_path()
    above, _slash, last = path.rstrip("/").rpartition("/")
    return f"{above}/" if last in (*topics.ALL, HEALTH) else f"{above}/{last}/"


def usual_path() -> str:
    """Return the path of the app in this URLconf; the path of the README if it is not included."""
    try:
        return reverse("stockhub_webhooks:any")
    except NoReverseMatch:
        return USUAL_PATH


def located(address: BaseUrl) -> BaseUrl:
    """Return the address, or the path of the app below it if only that one leads to this app.

    A server may serve the shop below a path of its own (`SCRIPT_NAME`), which this process does not know.
    """
    path = usual_path().removeprefix(get_script_prefix().rstrip("/"))
    below = BaseUrl(f"{address.prefix.rstrip('/')}{path}")
    try:
        return next((each for each in (address, below) if _is_ours_and(send("GET", each.of(HEALTH)), 200)), address)
    except NoResponse:
        return address


def examine_address(address: BaseUrl, *, live: bool = False) -> Iterator[Section]:
    """Request the URLs, and post a test message. With `live`, use the key of a real account and post nothing."""
    yield Section(str(_("The addresses")), findings := list(_addresses(address)))
    if any(finding.level >= Level.CRITICAL for finding in findings):
        return
    yield Section(str(_("The way of a message")), list(_test_delivery(address, live=live)))


def _addresses(address: BaseUrl) -> Iterator[Verdict]:
    """Request each URL without a key. A GET stores nothing, and this app answers it with its own 405."""
    if not address.is_secret:
        yield problem(
            "not_encrypted",
            _("%(url)s is not encrypted: everyone on the way could read the key and the customers' data.")
            % {"url": address.prefix},
            _("Give Stock Hub addresses with https."),
        )
    try:
        answer = send("GET", address.of(HEALTH))
        if not (answer.is_ours and answer.status == 200):
            yield explained(answer)
            return
        wrong = [answer for topic in topics.ALL if not _is_ours_and(answer := send("GET", address.of(topic)), 405)]
    except NoResponse as failure:
        yield unanswered(failure)
        return
    yield from map(explained, wrong)
    if wrong:
        return
    yield fine("all_addresses", _("All six addresses at %(url)s lead to this app.") % {"url": address.prefix})
    yield from _without_slash(address)


def _without_slash(address: BaseUrl) -> Iterator[Verdict]:
    """Request the prefix without its slash: an address in a mail loses that easily."""
    url = address.prefix.rstrip("/")
    if not urlsplit(url).path or _is_ours_and(send("GET", url), 405):
        return
    yield warning(
        "without_slash",
        _("A message to %(url)s, without the slash at the end, is lost.") % {"url": url},
        _("Add %(line)s to urls.py, or make sure that Stock Hub has the address with the slash.")
        % {"line": f'path("{urlsplit(url).path.lstrip("/")}", ReceiveView.as_view())'},
    )


def _is_ours_and(answer: Response, *statuses: int) -> bool:
    return answer.is_ours and answer.status in statuses


def _test_delivery(address: BaseUrl, *, live: bool) -> Iterator[Verdict]:
    if live:
        account, key = keys.real_key()
    else:
        account, key = TEST_ACCOUNT, next(iter(conf.accounts().get(TEST_ACCOUNT, ())), "")
    if not key:
        yield keys.missing(live=live)
        return
    try:
        answer = send("GET", address.of(HEALTH), key=key)
        if not answer.is_ours or answer.status != 200:
            yield explained(answer)
        elif "findings" not in answer.data and answer.headers.get(ACCOUNT_HEADER) != account:
            yield problem(
                "unknown_key",
                _("The server does not know the key of the account %(account)s that this command has.")
                % {"account": account},
                _("Set the same API_KEYS for the server, and restart it. Does it read another .env?"),
            )
        else:
            yield fine("known_key", _("The server knows the key of the account %(account)s.") % {"account": account})
            yield from _nothing_posted() if live else _post_test_order(address, key)
    except NoResponse as failure:
        yield unanswered(failure)


def _nothing_posted() -> Iterator[Verdict]:
    yield fine("nothing_posted", _("Nothing was posted, so a firewall that stops only POST was not noticed."))


def _post_test_order(address: BaseUrl, key: str) -> Iterator[Verdict]:
    """Post a test order, and report whether it arrived."""
    number = f"DOCTOR-{secrets.token_hex(6)}"
    body = json.dumps(harmless_order(number)).encode()
    answer = send("POST", address.of(topics.ORDER), key=key, body=body)
    if not _is_ours_and(answer, 200, 202):
        yield explained(answer)
        return
    text = _("A test message was accepted (%(status)d, after %(seconds).1f s).")
    yield fine("accepted", text % {"status": answer.status, "seconds": answer.seconds})
    if answer.seconds > SLOW_SECONDS:
        yield warning(
            "slow",
            _("That is slow: it is not known how long Stock Hub waits."),
            _("See what holds the server up: too few workers, or the database."),
        )
    yield from _post_in_chunks(address, key, body)
    yield from _arrived(answer.data["message"], body)


def _post_in_chunks(address: BaseUrl, key: str, body: bytes) -> Iterator[Verdict]:
    """Post the same order again without a declared length, as some proxies pass messages on."""
    try:
        answer = send("POST", address.of(topics.ORDER), key=key, body=body, is_chunked=True)
        if _is_ours_and(answer, 200, 202):
            return
        result = str(answer.status)
    except NoResponse as failure:
        result = type(failure.error).__name__
    yield warning(
        "not_in_chunks",
        _("A message in chunks, without Content-Length, is not received (%(result)s). A proxy may send it so.")
        % {"result": result},
        _(
            "Use a server that reads such requests, as gunicorn and uvicorn do, or let the proxy in front of it pass "
            "them on whole, as nginx does."
        ),
    )


def harmless_order(number: str) -> dict[str, Any]:
    """Return the body of a test order: no address, no price, and a number that shows its origin."""
    timestamp = now().isoformat(timespec="seconds")
    item = {"sku": "DOCTOR", "qty_ordered": 1, "item_price_inc_tax": 0, "row_total_inc_tax": 0}
    order = {"increment_id": number, "po_number": number, "status": "pending", "currency": "EUR", "items": [item]}
    amounts = {"subtotal": 0, "shipping_price": 0, "grand_total": 0}
    return {**order, **amounts, "created_at": timestamp, "updated_at": timestamp}


def _arrived(message_id: int | str, body: bytes) -> Iterator[Verdict]:
    """Report whether the message is in this database with the same bytes, and was applied."""
    message = _await(message_id, body)
    if message is None:
        yield _in_spool(message_id) or problem(
            "other_database",
            _("The message is not in this command's database: the server has another one."),
            _("Give this command and the server the same DATABASES. Does one of them read another .env?"),
        )
    elif message.status == Message.Status.APPLIED:
        yield fine("applied", _("It arrived here, and was processed. stockhub_prune --account test removes it."))
    elif message.status == Message.Status.RECEIVED:
        yield problem(
            "not_applied",
            _("It arrived here, and was not processed within %(seconds)d seconds.") % {"seconds": ARRIVAL_SECONDS},
            _("Run stockhub_worker, and what wakes it: Celery's or the tasks' worker."),
        )
    else:
        yield problem(
            "failed",
            _("It arrived here, and could not be processed: %(reason)s") % {"reason": message.error.partition("\n")[0]},
            _("See the log of the server; after a new release, run migrate and restart."),
        )


def _await(message_id: int | str, body: bytes) -> Message | None:
    """Wait until the message is applied or the time is over; return it, or None if it did not arrive."""
    until = time.monotonic() + ARRIVAL_SECONDS
    while True:
        message = _find(message_id, body)
        is_open = message is None or message.status == Message.Status.RECEIVED
        may_change = isinstance(message_id, str) or message is not None
        if not (is_open and may_change) or time.monotonic() >= until:
            return message
        time.sleep(PAUSE_SECONDS)


def _find(message_id: int | str, body: bytes) -> Message | None:
    rows = Message.objects.using(database_alias()).filter(account=TEST_ACCOUNT)
    rows = rows.filter(pk=message_id) if isinstance(message_id, int) else rows.filter(uid=UUID(message_id))
    message = rows.first()
    return message if message and bytes(message.body) == body else None


def _in_spool(message_id: int | str) -> Verdict | None:
    folder = spool.directory()
    if folder is None or not (folder / f"{message_id}{spool.SUFFIX}").exists():
        return None
    return problem(
        "in_spool",
        _("It waits in the spool directory: the server could not write to its database."),
        _("See the log of the server: is its database away, or not migrated?"),
    )
