"""A Magento to test against: a real HTTP server on this machine that answers as Stock Hub's REST calls do.

::

    with FakeMagento() as magento:
        magento.play(life("returned", seed=3))           # what Stock Hub knows, whether a webhook arrived or not
        settings.STOCKHUB_WEBHOOKS |= magento.settings   # REST_BASE_URL and REST_TOKEN
        call_command("stockhub_reconcile", "--po", "SHOP-1045")

It has the habits of the real one: nulls are left out, times have no zone, the size of pages is limited, full pages may
be short, past the last page comes the last one again, errors are Magento's error objects. Faults are made by `fail`.
Needs neither Django's settings nor a database.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from stockhub_webhooks.contract import topics

PREFIX = "/rest/all/V1/stock-hub/"
TIMES = ("created_at", "updated_at", "date_requested", "date_received", "date_processed")
NOT_IN_REST = {"po_number"}


class Fault(NamedTuple):
    """What the server does instead of, or before, answering a request.

    Attributes:
        status: HTTP status; 0 for the right answer, which only comes late.
        seconds: the time before it answers.
        headers: further headers, such as `Retry-After` or `Location`.
        body: the body; None for Magento's error object.
        drops: True to close the connection without an answer.
    """

    status: int = 0
    seconds: float = 0.0
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes | None = None
    drops: bool = False


@dataclass
class FakeMagento:
    """The server. Use it as a context manager; change its attributes at any time.

    Attributes:
        token: the bearer token that it wants; any other gets 401.
        max_page_size: pages never have more items.
        short_by: so many items fewer are on each page than were asked for.
        empty_for_unknown: True to answer an unknown order number of a shop with no items, False with 404.
        orders: order by `increment_id`, as REST answers it.
        rmas: return by `increment_id`, as REST answers it.
        numbers: the shop's order number to Stock Hub's.
        requests: path and query of each request, in their sequence.
        faults: what happens to the next requests, one each.
    """

    token: str = "token-of-the-fake-magento"  # noqa: S105  # nosec B105  # it guards nothing
    max_page_size: int = 100
    short_by: int = 0
    empty_for_unknown: bool = False
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    rmas: dict[str, dict[str, Any]] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    faults: deque[Fault] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._pieces: dict[str, dict[str, dict[str, int]]] = {}
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    # ------------------------------------------------------------ the server

    def __enter__(self) -> FakeMagento:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="fake-magento", daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def base_url(self) -> str:
        """The value of `REST_BASE_URL`."""
        if self._server is None:
            raise RuntimeError("use FakeMagento as a context manager")
        return f"http://127.0.0.1:{self._server.server_port}/rest/all"

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that point at this server, for `STOCKHUB_WEBHOOKS`."""
        return {"REST_BASE_URL": self.base_url, "REST_TOKEN": self.token}

    # ------------------------------------------------------------ what it knows

    def play(self, messages: Iterable[tuple[str, Mapping[str, Any], Any]]) -> None:
        """Learn what messages say, such as those of a `Life`, in their sequence."""
        for topic, payload, _at in messages:
            self.learn(topic, payload)

    def learn(self, topic: str, payload: Mapping[str, Any]) -> None:
        """Learn what one message says: orders and returns are answered, the others change what an order says of itself.

        `is_shipped` and `is_invoiced` are true once all pieces of the order are, apart from those that were credited
        as cancelled.
        """
        with self._lock:
            number = str(payload.get("order_increment_id") or payload.get("increment_id"))
            if topic == topics.ORDER:
                self.orders[number] = self.orders.get(number, {}) | as_rest(payload)
                self._count(number, "ordered", payload, "qty_ordered")
            elif topic == topics.RMA:
                self.rmas[str(payload["increment_id"])] = as_rest(payload, without_status_of_items=True)
            elif topic == topics.SHIPMENT:
                self._count(number, "sent", payload)
            elif topic == topics.INVOICE:
                self._count(number, "invoiced", payload)
            elif topic == topics.CREDIT_MEMO and _is_cancelled(payload):
                self._count(number, "cancelled", payload)
            if payload.get("po_number"):
                self.numbers[str(payload["po_number"])] = number
            self._set_flags(number)

    def fail(self, *faults: Fault | int, times: int = 1) -> None:
        """Let the next requests fail: a status or a `Fault` for each."""
        self.faults.extend([each if isinstance(each, Fault) else Fault(each) for each in faults] * times)

    def _count(self, number: str, what: str, payload: Mapping[str, Any], name: str = "qty") -> None:
        pieces = sum(int(item.get(name) or 0) for item in payload.get("items") or ())
        self._pieces.setdefault(number, {}).setdefault(what, {})[str(payload.get("increment_id"))] = pieces

    def _set_flags(self, number: str) -> None:
        if number not in self.orders:
            return
        pieces = {what: sum(each.values()) for what, each in self._pieces.get(number, {}).items()}
        due = pieces.get("ordered", 0) - pieces.get("cancelled", 0)
        for name, what in (("is_shipped", "sent"), ("is_invoiced", "invoiced")):
            self.orders[number][name] = bool(pieces.get(what)) and pieces[what] >= due

    # ------------------------------------------------------------ answers

    def answer(self, path: str, query: Mapping[str, list[str]]) -> tuple[int, Any]:
        """Return status and JSON value of the answer to a request with the right token."""
        name, _, number = path.removeprefix(PREFIX).partition("/")
        number = unquote(number)
        with self._lock:
            if not path.startswith(PREFIX):
                return 404, {"message": "Request does not match any route."}
            if name == "orders" and number:
                return self._found(self.orders.get(number))
            if name == "rma" and number.startswith("po-number/"):
                return self._by_po_number(number.removeprefix("po-number/"))
            if name == "rma" and number:
                return self._found(self.rmas.get(number))
            if name == "rma":
                return 200, self._page(query)
        return 404, {"message": "Request does not match any route."}

    def _found(self, document: dict[str, Any] | None) -> tuple[int, Any]:
        return (200, document) if document is not None else (404, not_found())

    def _by_po_number(self, po_number: str) -> tuple[int, Any]:
        number = self.numbers.get(po_number)
        if number is None:
            return (200, {"po_number": po_number, "items": []}) if self.empty_for_unknown else (404, not_found())
        items = [
            {**item, "item_id": place, "qty": item.get("qty_ordered", 1), "reasons": ["no_reason"]}
            for place, item in enumerate(self.orders.get(number, {}).get("items", ()), start=1)
        ]
        return 200, {"po_number": po_number, "increment_id": number, "items": items}

    def _page(self, query: Mapping[str, list[str]]) -> dict[str, Any]:
        def given(name: str, default: str = "") -> str:
            return query.get(f"searchCriteria{name}", [default])[0]

        group = "[filterGroups][0][filters][0]"
        rows = sorted(self.rmas.values(), key=lambda rma: str(rma["increment_id"]))
        if column := given(f"{group}[field]"):
            rows = [rma for rma in rows if str(rma.get(column)) == given(f"{group}[value]")]
        size = max(min(int(given("[pageSize]", "20")), self.max_page_size) - self.short_by, 1)
        last = max(-(-len(rows) // size), 1)
        page = min(max(int(given("[currentPage]", "1")), 1), last)  # past the end comes the last page again
        items = rows[(page - 1) * size : page * size]
        return {"items": items, "search_criteria": {"current_page": page}, "total_count": len(rows)}


def as_rest(payload: Mapping[str, Any], *, without_status_of_items: bool = False) -> dict[str, Any]:
    """Return the body of a message as REST answers the document: without nulls, and with times without a zone."""
    document: dict[str, Any] = {
        name: _rest_time(value) if name in TIMES else _without_nulls(value)
        for name, value in payload.items()
        if value is not None and (name not in NOT_IN_REST or without_status_of_items)
    }
    if without_status_of_items:
        for item in document.get("items", ()):
            item.pop("status", None)
    return document


def not_found() -> dict[str, Any]:
    """Return Magento's error object for a number that it does not know."""
    return {
        "message": "No such entity with %fieldName = %fieldValue",
        "parameters": {"fieldName": "incrementId", "fieldValue": "?"},
    }


def _is_cancelled(payload: Mapping[str, Any]) -> bool:
    return all(
        str(item.get("reversal", "")).upper() in ("CANCELLED", "CANCELED") for item in payload.get("items") or ()
    )


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(part) for name, part in value.items() if part is not None}
    return [_without_nulls(part) for part in value] if isinstance(value, list) else value


def _rest_time(value: str) -> str:
    time = datetime.fromisoformat(value.replace("Z", "+00:00"))
    return (time.astimezone(timezone.utc) if time.tzinfo else time).strftime("%Y-%m-%d %H:%M:%S")


def _handler(magento: FakeMagento) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            magento.requests.append(self.path)
            fault = magento.faults.popleft() if magento.faults else Fault()
            time.sleep(fault.seconds)
            if fault.drops:
                self.close_connection = True
                return
            if fault.status:
                error = {"message": "An error %1 occurred", "parameters": [fault.status], "trace": "#0 index.php"}
                body = json.dumps(error).encode() if fault.body is None else fault.body
                self.send(fault.status, body, fault.headers)
            elif self.headers.get("Authorization") != f"Bearer {magento.token}":
                resources = {"resources": "Magento_Sales::actions_view"}
                refused = {"message": "The consumer isn't authorized to access %resources.", "parameters": resources}
                self.send(401, json.dumps(refused).encode())
            else:
                status, data = magento.answer(parts.path, parse_qs(parts.query))
                self.send(status, json.dumps(data).encode(), fault.headers)

        def send(self, status: int, body: bytes, headers: Mapping[str, str] = {}) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Log nothing."""

    return Handler
