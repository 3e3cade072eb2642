"""The metrics over HTTP, for requests with `METRICS_TOKEN` and for staff who may view messages."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_variables

from stockhub_webhooks.contrib.metrics import is_wanted
from stockhub_webhooks.models import RefusalReason
from stockhub_webhooks.receiving.answers import SECURITY_HEADERS, CallbackResponse
from stockhub_webhooks.receiving.authentication import bearer_fingerprint, may_scrape
from stockhub_webhooks.views import ExemptView, is_permitted_staff, refuse_secret

PLAIN = "text/plain; charset=utf-8"


class MetricsView(ExemptView):
    """View of the metrics, for `METRICS_TOKEN` and staff who may view messages. Stock Hub's key is not accepted."""

    http_method_names = ["get", "head"]

    @sensitive_variables()
    def get(self, request: HttpRequest) -> HttpResponse:
        """Answer 200, also if the database is unavailable, which the metrics show."""
        authorization = request.META.get("HTTP_AUTHORIZATION", "")
        has_token = authorization.lower().startswith("bearer ")
        if not (may_scrape(authorization) if has_token else is_permitted_staff(request)):
            headers = {**SECURITY_HEADERS, "WWW-Authenticate": 'Bearer realm="metrics"'}
            answer = CallbackResponse("Not for you.\n", status=401, content_type=PLAIN, headers=headers)
            if has_token and (fingerprint := bearer_fingerprint(authorization)):
                return refuse_secret(request, RefusalReason.METRICS_TOKEN, fingerprint, answer)
            return answer
        if not is_wanted():
            hint = "STOCKHUB_WEBHOOKS['METRICS'] is off, or prometheus-client is not installed.\n"
            return HttpResponse(hint, status=404, content_type=PLAIN, headers=SECURITY_HEADERS)
        from stockhub_webhooks.contrib.metrics.exposition import exposition

        text, content_type = exposition(request.headers.get("Accept", ""))
        return HttpResponse(text, content_type=content_type, headers=SECURITY_HEADERS)
