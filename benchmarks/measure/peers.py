"""Well-known receivers of other services' webhooks, beside ours: dj-stripe and django-anymail."""

import hashlib
import hmac
import importlib.util
import json
import time
import uuid

from benchmarks.measure import payload

ENDPOINT = "7f4c1a52-9d7e-4a39-8d3c-1f0f5a0a0001"
SECRET = "whsec_of_the_measurements"
STRIPE = f"/stripe/webhook/{ENDPOINT}/"
ANYMAIL = "/anymail/postmark/tracking/"
ANYMAIL_HEADERS = {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}  # user:password
AT_MOST_A_SECOND = 2000
WARM_REQUESTS = 50
# the event that only keeps itself, and one that writes an object of its own
KEPT, WRITTEN = "balance.available", "payment_method.detached"


def missing(sizes):
    """Why they are left out, "" where they are not."""
    if not sizes.peers:
        return "peers are left out here"
    absent = [name for name in ("djstripe", "anymail") if importlib.util.find_spec(name) is None]
    return f"{' and '.join(absent)} could not be installed here" if absent else ""


class Peers:
    """Their database, their servers' environments and their messages."""

    SERVERS = {"stripe": {}, "stripe_deferred": {"SPEED_STRIPE_DEFERRED": 1}}

    def __init__(self, bench):
        self.bench = bench
        bench.database("peers", template="template0")
        bench.run("-m", "django", "migrate", "--run-syncdb", "-v0", database="peers", SPEED_PEERS=1)
        bench.run("-m", "benchmarks.measure.inside.stripe", ENDPOINT, SECRET, database="peers", SPEED_PEERS=1)
        self.postmark = bench.folder / "postmark.json"
        self.postmark.write_text(payload.POSTMARK, encoding="utf-8")
        self.prepared, self.used = {}, {}

    @property
    def servers(self):
        """For `Bench.serving`."""
        return {name: ("peers", {"SPEED_PEERS": 1} | variables) for name, variables in self.SERVERS.items()}

    def warm(self, servers):
        """Each of them answers."""
        servers["stripe"].try_once(ANYMAIL, ANYMAIL_HEADERS, payload.POSTMARK.replace(payload.PLACE, "try"))
        self.anymail(servers)
        for name, kind in (("stripe", WRITTEN), ("stripe_deferred", KEPT)):
            # the first message makes each process import Stripe's library, which takes seconds
            while self.stripe(servers, name, kind, seconds=1)["requests"] < WARM_REQUESTS:
                continue

    def contestants(self, servers):
        """For `take_turns`."""
        return {
            "stripe": lambda: self.stripe(servers, "stripe", WRITTEN),
            "stripe_deferred": lambda: self.stripe(servers, "stripe_deferred", KEPT),
            "anymail": lambda: self.anymail(servers),
        }

    def anymail(self, servers):
        """One run of wrk with Postmark's tracking events."""
        return self.bench.post(servers["stripe"], ANYMAIL, headers=ANYMAIL_HEADERS, payload=self.postmark)

    def stripe(self, servers, name, kind, seconds=None):
        """One run of wrk with signed events, each of them new."""
        key = f"{name}-{kind}"
        if key not in self.prepared:
            sizes = self.bench.sizes
            number = AT_MOST_A_SECOND * (sizes.seconds * sizes.rounds + 10)
            self.prepared[key], self.used[key] = self._prepare(key, kind, number), 0
        path, number = self.prepared[key]
        run = self.bench.post(
            servers[name], STRIPE, headers={}, seconds=seconds,
            bodies=path, signature="Stripe-Signature", offset=self.used[key],
        )  # fmt: skip
        self.used[key] += run["requests"] + 2 * self.bench.sizes.clients
        if self.used[key] > number:
            raise RuntimeError(f"{name} was faster than {AT_MOST_A_SECOND} messages a second: prepare more of them")
        return run

    def _prepare(self, key, kind, number):
        path, now, mark = self.bench.folder / f"{key}.tsv", int(time.time()), uuid.uuid4().hex[:6]
        with path.open("w", encoding="utf-8") as file:
            for n in range(number):
                body = json.dumps(_event(kind, f"{mark}{n:012d}", now), separators=(",", ":"))
                signature = hmac.new(SECRET.encode(), f"{now}.{body}".encode(), hashlib.sha256).hexdigest()
                file.write(f"t={now},v1={signature}\t{body}\n")
        return path, number


def _event(kind, number, now):
    objects = {KEPT: _balance, WRITTEN: _payment_method}
    return {
        "id": f"evt_{number}",
        "object": "event",
        "account": None,
        "api_version": "2026-05-27.dahlia",
        "created": now,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": "req_measured", "idempotency_key": number},
        "type": kind,
        "data": {"object": objects[kind](number)},
    }


def _balance(number):
    amount = [{"amount": 217, "currency": "eur", "source_types": {"card": 217}}]
    return {"object": "balance", "available": amount, "livemode": False, "pending": amount, "note": "x" * 550}


def _payment_method(number):
    address = {"city": "Teststad", "country": "NL", "line1": "Voorbeeldlaan 7", "line2": None, "postal_code": "1234AB"}
    return {
        "id": f"pm_{number}",
        "object": "payment_method",
        "billing_details": {
            "address": address | {"state": None},
            "email": "piet.testman@example.com",
            "name": "Piet Testman",
            "phone": "+31600000001",
        },
        "card": {"brand": "visa", "checks": {"cvc_check": "pass"}, "country": "NL", "exp_month": 8, "exp_year": 2030,
                 "fingerprint": "Xt5EWLLDS7FJjR1c", "funding": "credit", "last4": "4242"},
        "created": 1690000000,
        "customer": None,
        "livemode": False,
        "metadata": {"order": number},
        "type": "card",
    }  # fmt: skip
