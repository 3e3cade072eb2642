"""No parameter of an address and no field of a form is answered with 5xx, whatever its value."""

import os
import re
from collections import defaultdict
from urllib.parse import quote

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern

from stockhub_webhooks.models import Event, Order
from tests.conftest import KEY, PREFIX
from tests.security.odd_values import VALUES
from tests.security.pages import APP, NAMES, addresses

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.timeout(900)]

# Each parameter gets every so many-th value, each time another one; all of them in the drill.
EVERY = 1 if "STOCKHUB_ALL_PARAMETERS" in os.environ else 100
NOT_OURS = ("_add", "_delete", "_history")


def pages():
    """Yield an address of each page and endpoint of this app."""
    for name in NAMES:
        if not name.endswith(NOT_OURS):
            yield from addresses(name)[:1]
    yield from (reverse("admin:index"), reverse("admin:app_list", args=[APP]))
    yield from (address for _name, address in endpoints(get_resolver()))


def endpoints(resolver, before=""):
    """Yield name and address of what is outside of the admin; a variable is the key of the first row, or a word."""
    for each in resolver.url_patterns:
        route = before + str(each.pattern)
        if getattr(each, "namespace", "") == "admin" or "admin" in route:
            continue
        if isinstance(each, URLPattern):
            if each.lookup_str.startswith("stockhub_webhooks."):
                name = "/" + re.sub(r"<[^>]+>|\(\?P[^)]*\)", "…", re.sub(r"\^|\$|\\Z|/\?", "", route))
                model = Event if "events" in name else Order
                yield name, name.replace("…", str(model.objects.earliest("pk").pk))
        else:
            yield from endpoints(each, route)


class Recorder:
    """Records the names of parameters that a page reads."""

    def __init__(self, monkeypatch):
        self.names = set()
        for method in ("get", "getlist", "__getitem__", "__contains__", "setdefault", "pop"):
            monkeypatch.setattr(QueryDict, method, self.recording(getattr(QueryDict, method)))

    def recording(self, original):
        def method(query, name, *args, **kwargs):
            self.names.add(name)
            return original(query, name, *args, **kwargs)

        return method


@pytest.fixture
def http(staff, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100_000
    staff.raise_request_exception = False
    return staff


def names_read(http, address, method):
    with pytest.MonkeyPatch.context() as patch:
        recorder = Recorder(patch)
        answer = getattr(http, method)(address)
        filters = getattr(answer, "context", None) and answer.context.get("cl")
        if filters:
            for spec in filters.filter_specs:
                recorder.names |= set(spec.expected_parameters())
    page = "" if answer.streaming else answer.content.decode(errors="replace")  # a file may be no text
    forms = re.findall(r'<(?:input|select|textarea)[^>]* name="([^"]+)"', page)
    return sorted(name for name in recorder.names | set(forms) if name and name != "csrfmiddlewaretoken")


@pytest.mark.parametrize("method", ["get", "post"])
def test_no_parameter_is_answered_with_a_fault(filled, http, method):
    faults, turn, tried = defaultdict(list), 0, 0
    for address in pages():
        for name in names_read(http, address, method):
            turn += 1
            for value in VALUES[turn % EVERY :: EVERY]:
                text = f"{quote(name)}={value}"
                if method == "get":
                    answer = http.get(f"{address}?{text}")
                else:
                    answer = http.post(address, text, content_type="application/x-www-form-urlencoded")
                tried += 1
                if answer.status_code >= 500:
                    faults[address, name].append((value, answer.status_code))
    assert not faults
    assert tried > 300


def test_all_parameters_at_once_are_no_fault(filled, http):
    for address in pages():
        names = names_read(http, address, "get")
        for value in VALUES[:: max(EVERY // 5, 1)]:
            query = "&".join(f"{quote(name)}={value}" for name in names)
            assert http.get(f"{address}?{query}").status_code < 500, (address, value)


def test_no_path_is_answered_with_a_fault(filled, http):
    for value in VALUES:
        for path in (PREFIX, PREFIX + "order/", "/api/stockhub/orders/", "/admin/stockhub_webhooks/order/"):
            for ending in ("", "/", "/change/", "/story/"):
                assert http.get(f"{path}{value}{ending}").status_code < 500, (path, value, ending)
        assert Client(headers={"x-api-key": KEY}).post(f"{PREFIX}{value}", b"{}", "application/json").status_code < 500
