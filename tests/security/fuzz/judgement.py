"""Promises about every answer, whatever was sent."""

import json
import re

from django.urls import reverse

from stockhub_webhooks.models import Message

ANSWERS = {200, 202, 401, 405, 406, 413}
# a path under our prefix that is no topic, or a host that Django itself does not like
DJANGOS_OWN = {400, 404}
LOOK_AT_EACH = 5  # a page takes longer than all the rest


def judge(shot, client, office):
    """Send the request, check all promises, and return the answer."""
    last = Message.objects.order_by("pk").values_list("pk", flat=True).last() or 0
    answer = shot.send(client)
    assert answer.status_code in ANSWERS | (DJANGOS_OWN if is_djangos_own(shot) else set()), answer.content
    stored = list(Message.objects.filter(pk__gt=last, parent=None))
    assert len(stored) == (answer.status_code in (200, 202, 406))
    for message in stored:
        judge_message(message, shot, answer)
        if message.pk % LOOK_AT_EACH == 0:
            judge_page(message, office)
    return answer


def judge_page(message, office):
    """Check that the page of the message has no markup of the sender."""
    page = office.get(reverse("admin:stockhub_webhooks_message_change", args=[message.pk]))
    assert page.status_code == 200
    assert not re.search(r"<script>alert", page.text)


def is_djangos_own(shot):
    """Return True if Django answers before this app is called."""
    return shot.topic == "any" or "HTTP_HOST" in shot.headers


def judge_message(message, shot, answer):
    """Check that the message is stored unchanged, and applied, quarantined or, if it is empty, dismissed."""
    data = json.loads(answer.content)
    assert data["message"] == message.pk
    assert is_stored_whole(message, shot), (bytes(message.body), shot.body)
    unreadable = "dismissed" if message.dismissed_reason == "ping" else "quarantined"
    assert message.status == {200: "applied", 406: unreadable}.get(answer.status_code), message.error
    assert message.status != "dismissed" or re.fullmatch(rb"[\s\[{}\]]*", bytes(message.body))
    assert message.due_at is None
    if message.status == "applied":
        assert data["outcome"] == message.outcome
        assert not message.error
    else:
        assert len(message.error) < 500


def is_stored_whole(message, shot):
    """Return True if all bytes are stored, up to the declared length, since a server passes on no more."""
    body = bytes(message.body)
    return body == shot.body or ("CONTENT_LENGTH" in shot.headers and shot.body.startswith(body))
