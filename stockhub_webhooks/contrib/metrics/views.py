"""The metrics over HTTP, for requests with `METRICS_TOKEN` and for staff."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_variables

from stockhub_webhooks.contrib.metrics import is_wanted
from stockhub_webhooks.receiving.authentication import may_scrape
from stockhub_webhooks.views import SECURITY_HEADERS, ExemptView, is_staff_request

PLAIN = "text/plain; charset=utf-8"


class MetricsView(ExemptView):
    """View of the metrics, for `METRICS_TOKEN` and staff. Stock Hub's key is not accepted, nor the token as a key."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest) -> HttpResponse:
        """Answer 200, also if the database is unavailable, which the metrics show."""
        if not may_see_metrics(request):
            headers = {**SECURITY_HEADERS, "WWW-Authenticate": 'Bearer realm="metrics"'}
            return HttpResponse("Not for you.\n", status=401, content_type=PLAIN, headers=headers)
        if not is_wanted():
            hint = "STOCKHUB_WEBHOOKS['METRICS'] is off, or prometheus-client is not installed.\n"
            return HttpResponse(hint, status=404, content_type=PLAIN, headers=SECURITY_HEADERS)
        from stockhub_webhooks.contrib.metrics.exposition import exposition

        text, content_type = exposition(request.headers.get("Accept", ""))
        return HttpResponse(text, content_type=content_type, headers=SECURITY_HEADERS)


@sensitive_variables()
def may_see_metrics(request: HttpRequest) -> bool:
    """Return True for a valid token and for staff users who are logged in."""
    authorization = request.META.get("HTTP_AUTHORIZATION", "")
    if authorization.lower().startswith("bearer "):
        return may_scrape(authorization)
    return is_staff_request(request)
