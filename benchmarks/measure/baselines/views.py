"""The least that a receiver does: look at the key, read the JSON, write one row."""

import json

from django.conf import settings
from django.http import HttpResponse, HttpResponseForbidden
from django.shortcuts import render
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt

from benchmarks.measure.baselines.models import Delivery


def has_key(request):
    """Whether the sender knows the secret."""
    return constant_time_compare(request.headers.get("x-api-key", ""), settings.KEY)


@csrf_exempt
def bare(request):
    if not has_key(request):
        return HttpResponseForbidden()
    data = json.loads(request.body)
    Delivery.objects.create(topic="order", increment_id=data["increment_id"], payload=data)
    return HttpResponse(b"{}", content_type="application/json", status=201)


def page(request):
    """A page of the shop: one query, and a template."""
    rows = list(Delivery.objects.order_by("-pk")[:20])
    return render(request, "registration/logged_out.html", {"rows": rows})


def for_later(trigger, api_key=None):
    """dj-stripe's own hook for handing a message to a queue. Here it hands it to nobody, which costs nothing."""
