"""Client of Stock Hub's REST calls, which are those of Magento 2. Source: the contract.

The secret of the calls is only in the headers that httpx sends: no error, log line or `repr` of ours has it. Errors of
httpx are replaced by our own outside of their handlers, so that no traceback leads to a frame with the headers.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from stockhub_webhooks.exceptions import RestError, RestNotFound, RestRefused, RestUnavailable
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.operations.reconcile.credentials import authentication, base_url
from stockhub_webhooks.operations.reconcile.magento_errors import magento_error, retry_after

logger = logger_of(__name__)

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
MAX_ANSWER_SECONDS = 120.0  # of an answer that comes byte by byte
MAX_BYTES = 10 * 1024 * 1024
ATTEMPTS = 4
PAUSE_SECONDS = 1.0  # after the first failure; it doubles
LONGEST_PAUSE_SECONDS = 60.0  # a longer `Retry-After` is for the caller
PER_SECOND = 5.0
PAGE_SIZE = 100
MAX_PAGES = 100_000
NO_ROUTE = "does not match any route"  # Magento's 404 for an address that is no call of its own
PREFIX = "/V1/stock-hub"


@dataclass(frozen=True)
class JsonAnswer:
    """A JSON value, with the time just before it was asked for."""

    data: Any
    body: bytes
    asked_at: dt.datetime

    def part(self, data: Any) -> JsonAnswer:
        """Return an object of the answer as an answer by itself."""
        return JsonAnswer(data, json.dumps(data, ensure_ascii=False).encode(), self.asked_at)


@dataclass(frozen=True)
class Page:
    """A page of the list of returns; `total` is None if the answer has no number of all."""

    number: int
    items: list[JsonAnswer]
    total: int | None


class Client:
    """The REST calls for one account. Use it as a context manager.

    Args:
        account: whose settings are used.
        per_second: the largest number of requests per second.
        stop: ends a pause between two attempts.

    Raises:
        RestNotConfigured: a setting is missing or wrong; the text names it.
    """

    def __init__(self, account: str, *, per_second: float = PER_SECOND, stop: threading.Event | None = None) -> None:
        self.account = account
        self.base_url = base_url(account)
        self._stop = stop or threading.Event()
        self._interval = 1 / per_second
        self._next_at = 0.0
        self._headers: dict[str, str] = authentication(account)
        # an answer that is packed could be a thousand times longer than it looks
        self._http = httpx.Client(
            timeout=TIMEOUT,
            follow_redirects=False,
            mounts={"http://": None},  # of this machine: a proxy would see the token
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "stockhub-webhooks"},
        )

    def __repr__(self) -> str:
        return f"<Client of {self.base_url}>"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self._http.close()

    # ------------------------------------------------------------ the documented calls

    def order(self, increment_id: str) -> JsonAnswer:
        """Return an order: its fields, `is_shipped` and `is_invoiced`, without `po_number`.

        Raises:
            RestError: as for all calls; `RestNotFound` if Stock Hub does not know the order.
        """
        return self._document("orders", increment_id)

    def rma(self, increment_id: str) -> JsonAnswer:
        """Return a return. Its items have no status."""
        return self._document("rma", increment_id)

    def rmas(self, order: str = "", first_page: int = 1) -> Iterator[Page]:
        """Yield the pages of the list of returns, ascending by number.

        Past the last page Magento answers the last page again, and full pages may have fewer items than asked for, or
        none: only the total, a repeated page, or an empty one if there is no total, is the end.

        Args:
            order: the number of an order, for its returns alone.
            first_page: the first page to ask for.
        """
        seen: set[str] = set()
        former: list[str] | None = None
        for number in range(first_page, MAX_PAGES):
            answer = self.get(f"{PREFIX}/rma", _criteria(order, number))
            page = _page(answer, number)
            keys = [_number(item.data) or item.body.decode() for item in page.items]
            if keys == former or not (keys or page.total):
                return
            yield page
            seen.update(keys)
            if page.total is not None and len(seen) >= page.total:
                return
            former = keys

    def order_number(self, po_number: str) -> str:
        """Return Stock Hub's number of the order that has the shop's own number; "" if Stock Hub names none."""
        with suppress(RestNotFound):
            data = self.get(f"{PREFIX}/rma/po-number/{_path_part(po_number)}").data
            if isinstance(data, dict) and str(data.get("po_number") or po_number).strip() == po_number:
                return _number(data)
        return ""

    def _document(self, name: str, increment_id: str) -> JsonAnswer:
        answer = self.get(f"{PREFIX}/{name}/{_path_part(increment_id)}")
        if not isinstance(answer.data, dict) or _number(answer.data).zfill(9) != increment_id.zfill(9):
            raise RestError(f"the answer to {name}/{increment_id} is about something else")
        return answer

    # ------------------------------------------------------------ requests

    def get(self, path: str, params: Mapping[str, str] | None = None) -> JsonAnswer:
        """Return the answer to a GET request, after several attempts if need be.

        Raises:
            RestUnavailable: no attempt was answered, or `Retry-After` is longer than a minute.
            RestNotFound: Stock Hub does not know the number.
            RestRefused: the token or the address is wrong.
            RestError: another answer that is of no use.
        """
        for attempt in count(1):
            try:
                return self._get_once(path, params)
            except RestUnavailable as fault:
                pause = max(PAUSE_SECONDS * 2 ** (attempt - 1), fault.retry_after)
                if attempt == ATTEMPTS or pause > LONGEST_PAUSE_SECONDS or self._stop.wait(pause):
                    raise
                logger.warning("%s; the call is made again (attempt %s)", fault, attempt + 1)
        raise AssertionError("the last attempt returns or raises")

    @sensitive_variables()
    def _get_once(self, path: str, params: Mapping[str, str] | None) -> JsonAnswer:
        self._wait_for_turn()
        asked_at = timezone.now()
        status, headers, body, fault = 0, httpx.Headers(), b"", ""
        try:
            with self._http.stream("GET", self.base_url + path, params=params, headers=self._headers) as response:
                status, headers = response.status_code, response.headers
                body = _read(response)
        except httpx.RequestError as error:
            fault = type(error).__name__
        if fault:
            raise RestUnavailable(f"GET {path} was not answered ({fault})")
        self._check_status(path, status, headers, body)
        try:
            data = json.loads(body.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, (dict, list)):
            raise RestUnavailable(
                f"GET {path} answered {status} without JSON: Stock Hub may be under maintenance, or REST_BASE_URL "
                f"({self.base_url}) is not the address of Magento's REST calls"
            )
        return JsonAnswer(data, body, asked_at)

    def _wait_for_turn(self) -> None:
        now = time.monotonic()
        self._stop.wait(max(self._next_at - now, 0.0))
        self._next_at = max(self._next_at, now) + self._interval

    def _check_status(self, path: str, status: int, headers: httpx.Headers, body: bytes) -> None:
        if 200 <= status < 300:
            return
        said = self._without_secrets(magento_error(body))
        text = f"GET {path} answered {status}" + (f": {said}" if said else "")
        if 300 <= status < 400:
            host = urlsplit(headers.get("location", "")).hostname or "another address"
            raise RestRefused(f"GET {path} is redirected to {host}: set REST_BASE_URL to the address that answers")
        if status == 404 and NO_ROUTE not in said and (said or not body.lstrip().startswith(b"<")):
            raise RestNotFound(text)
        if status == 404:  # Magento has no such call, or the answer is a page of something else
            raise RestRefused(f"{text}: is REST_BASE_URL ({self.base_url}) the address of Magento's REST calls?")
        if status in (401, 403):
            raise RestRefused(f"{text}: look at REST_TOKEN or REST_AUTH")
        if status == 429 or status >= 500:
            raise RestUnavailable(text, retry_after(headers.get("retry-after", "")))
        raise RestError(text)

    def _without_secrets(self, text: str) -> str:
        for value in self._headers.values():
            for secret in {value, *value.split()} - {"Bearer", "Basic", ""}:
                text = text.replace(secret, "•••")
        return text


# ---------------------------------------------------------------- answers


def _read(response: httpx.Response) -> bytes:
    """Return the body, which must not be too long, nor take too long."""
    chunks, size, until = [], 0, time.monotonic() + MAX_ANSWER_SECONDS
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > MAX_BYTES:
            raise RestError(f"the answer is longer than {MAX_BYTES // 1024 // 1024} MiB")
        if time.monotonic() > until:
            raise RestUnavailable(f"the answer took longer than {MAX_ANSWER_SECONDS:g} seconds")
        chunks.append(chunk)
    return b"".join(chunks)


def _criteria(order: str, page: int) -> dict[str, str]:
    criteria = {
        "sortOrders][0][field": "increment_id",
        "sortOrders][0][direction": "ASC",
        "pageSize": str(PAGE_SIZE),
        "currentPage": str(page),
    }
    if order:
        place = "filterGroups][0][filters][0]"
        criteria |= {f"{place}[field": "order_increment_id", f"{place}[value": order, f"{place}[conditionType": "eq"}
    return {f"searchCriteria[{name}]": value for name, value in criteria.items()}


def _page(answer: JsonAnswer, number: int) -> Page:
    data = answer.data if isinstance(answer.data, dict) else {"items": answer.data}
    items, total = data.get("items"), data.get("total_count")
    if items is not None and not isinstance(items, list):
        raise RestError("the list of returns has no items")
    is_count = str(total).isascii() and str(total).isdecimal()
    return Page(number, [answer.part(item) for item in items or ()], int(str(total)[:12]) if is_count else None)


def _path_part(number: str) -> str:
    """Return a number as one part of a path.

    Raises:
        RestNotFound: it would be another path.
    """
    if not number.strip("."):
        raise RestNotFound(f"{number!r} is no number")
    return quote(number, safe="")


def _number(data: Any) -> str:
    """Return the `increment_id` of an object as text; an integral JSON number has lost its zeros."""
    value = data.get("increment_id") if isinstance(data, dict) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value).zfill(9)
    return value.strip() if isinstance(value, str) else ""
