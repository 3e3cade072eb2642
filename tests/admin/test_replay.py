"""Replays from the admin: preview, reason and progress; and the page of the receivers."""

from datetime import datetime, timezone

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from stockhub_webhooks import signals
from stockhub_webhooks.admin import labels
from stockhub_webhooks.models import Event, Message, Order, ReceiverCall, Replay
from stockhub_webhooks.operations import replay
from stockhub_webhooks.operations.replay import MessageChoice
from tests.admin.conftest import message_levels
from tests.conftest import KEY
from tests.operations.test_replay import tables
from tests.samples import sample

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)
URL = reverse("admin:stockhub_webhooks_replay_request")
RECEIVERS = reverse("admin:stockhub_webhooks_receivercall_receivers")
REASSIGN = reverse("admin:stockhub_webhooks_receivercall_receivers_reassign")
GIVE_UP = reverse("admin:stockhub_webhooks_receivercall_receivers_give_up")
PAST = datetime(2020, 1, 1, tzinfo=timezone.utc)
DEFERRED = {"API_KEYS": KEY, "RUNNER": "worker"}


@pytest.fixture(autouse=True)
def roomy(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000


@pytest.fixture
def drifted(post):
    """Make an order whose status and city were changed since its message."""
    post("order")
    Order.objects.update(status="<b>holded</b>")
    address = Order.objects.get().shipping_address
    address.city = "Elsewhere"
    address.save()
    return Message.objects.get()


def open_replay():
    return replay.begin(MessageChoice(since=PAST), who="office", reason="<i>to see</i>")


# ---------------------------------------------------------------- asking


def test_preview_shows_the_result_and_changes_nothing(staff, drifted, hear):
    calls = hear(signals.order_updated, uid="shop.follow")
    before = tables()
    page = staff.get(f"{URL}?since_0=2020-01-01&since_1=00:00:00").text
    assert "&lt;b&gt;holded&lt;/b&gt; → " in page
    assert "Elsewhere → " in page
    assert "shop.follow (1×)" in page
    assert "1 message." in page
    assert "<b>holded" not in page
    assert (tables(), calls) == (before, [])


def test_confirmed_replay_runs_and_is_recorded_and_logged(staff, drifted, hear):
    calls = hear(signals.order_updated, uid="shop.follow")
    page = staff.post(f"{URL}?order=RESELLER_REF", {"reason": "the town was wrong"}, follow=True)
    record = Replay.objects.get()
    assert page.redirect_chain == [(reverse("admin:stockhub_webhooks_replay_change", args=[record.pk]), 302)]
    assert (record.requested_by, record.reason, record.status, record.changed) == (
        "office",
        "the town was wrong",
        "done",
        1,
    )
    assert calls[0]["event"].is_replay
    assert "order RESELLER_REF" in page.text
    assert LogEntry.objects.get().change_message == "process again: the town was wrong"


def test_replay_needs_a_reason(staff, drifted):
    page = staff.post(f"{URL}?ids={drifted.pk}", {"reason": " "})
    assert page.context["fault"]
    assert not Replay.objects.exists()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since_0=&since_1=", "Say from when"),
        ("since_0=2024-01-02&since_1=00:00:00&until_0=2024-01-01&until_1=00:00:00", "not after the beginning"),
        ("order=7&only_tell=on", "Choose who is to be told"),
        ("ids=1;2", "Enter a valid value"),
        ("order=nothing", "No message is like that"),
    ],
)
def test_invalid_choice_is_explained(staff, query, said):
    assert said in staff.get(f"{URL}?{query}").text
    staff.post(f"{URL}?{query}", {"reason": "why not"})
    assert Replay.objects.filter(total__gt=0).count() == 0


def test_new_receiver_is_called_for_past_events(staff, post, hear):
    post("order")
    calls = hear(signals.order_created, uid="shop.new")
    assert "shop.new" in staff.get(f"{URL}?only_tell=on").text
    query = f"{URL}?order=RESELLER_REF&receivers=shop.new&only_tell=on"
    assert [row["calls"] for row in staff.get(query).context["rows"]] == [[("shop.new", 1)]]
    staff.post(query, {"reason": "it is new"})
    assert (len(calls), calls[0]["event"].is_replay) == (1, True)


def test_preview_describes_every_outcome_in_words(staff, post, settings, monkeypatch):
    post("order", b"{oops <script>alert(1)</script>")
    post("shipment")
    settings.STOCKHUB_WEBHOOKS = DEFERRED
    post("order", sample("order", increment_id="9"))
    page = staff.get(f"{URL}?since_0=2020-01-01&since_1=00:00:00").text
    assert str(labels.REASONS["not_json"]) in page
    assert str(Message.Outcome.UNCHANGED.label) in page
    assert "<script>alert" not in page
    monkeypatch.setattr("stockhub_webhooks.operations.replay.preview.COUNTED_UP_TO", 2)
    preview = staff.get(f"{URL}?since_0=2020-01-01&since_1=00:00:00").context["preview"]
    assert (preview.total, preview.is_counted) == (2, False)


def test_preview_shows_the_first_messages_and_says_so(staff, post, monkeypatch):
    for number in ("1", "2"):
        post("order", sample("order", increment_id=number))
    monkeypatch.setattr("stockhub_webhooks.admin.replay_request.replay.preview_messages.__defaults__", ((),))
    monkeypatch.setattr(
        "stockhub_webhooks.admin.replay_request.replay.preview_messages.__kwdefaults__", {"applies": True, "limit": 1}
    )
    page = staff.get(f"{URL}?since_0=2020-01-01&since_1=00:00:00")
    assert (page.context["preview"].total, len(page.context["rows"])) == (2, 1)
    assert page.context["how_many"] in page.text


def test_preview_hides_personal_data_without_the_permission(clerk, drifted, monkeypatch):
    http = clerk("view_message", "process_again")
    page = http.get(f"{URL}?ids={drifted.pk}").text
    assert "Elsewhere" not in page
    assert "•••" in page
    monkeypatch.setattr("stockhub_webhooks.processing.pipeline.apply", lambda *args: {}["Jane Doe"])
    page = http.get(f"{URL}?ids={drifted.pk}")
    assert "Jane Doe" not in page.text
    assert [step.counted for _message, step in page.context["preview"].steps] == ["failed"]


def test_page_needs_the_permission(clerk, drifted, list_url):
    http = clerk("view_message", "view_replay", "view_receivercall", "try_again")
    record = open_replay()
    assert URL not in http.get(list_url("replay")).text
    assert URL not in http.get(RECEIVERS).text
    assert http.get(URL).status_code == 403
    assert http.post(f"{URL}?ids={drifted.pk}", {"reason": "x"}).status_code == 403
    assert http.post(reverse("admin:stockhub_webhooks_replay_stop", args=[record.pk])).status_code == 403
    assert http.post(REASSIGN).status_code == 403
    assert Replay.objects.get().status == "open"


# ---------------------------------------------------------------- progress


def test_page_shows_the_progress_and_can_stop_the_replay(staff, post, page_url, settings):
    settings.STOCKHUB_WEBHOOKS = DEFERRED
    post("order")
    record = open_replay()
    page = staff.get(page_url(record)).text
    assert '<progress max="100" value="0"' in page
    assert "0 of 1" in page
    assert "&lt;i&gt;to see&lt;/i&gt;" in page
    assert "<i>to see" not in page
    far = staff.get(reverse("admin:stockhub_webhooks_replay_progress", args=[record.pk])).json()
    assert (far["open"], far["percent"], far["counts"][0]["name"]) == (True, 0, "changed")
    stop = reverse("admin:stockhub_webhooks_replay_stop", args=[record.pk])
    assert stop in page
    assert staff.get(stop).status_code == 405
    assert message_levels(staff.post(stop, follow=True)) == ["success"]
    assert message_levels(staff.post(stop, follow=True)) == ["warning"]
    record.refresh_from_db()
    assert (record.status, record.stopped_by) == ("stopped", "office")
    assert LogEntry.objects.get().change_message == "stopped"
    assert stop not in staff.get(page_url(record)).text


def test_page_warns_if_no_worker_runs_the_replay(staff, page_url):
    record = open_replay()
    Replay.objects.update(due_at=PAST)
    page = staff.get(page_url(record))
    assert (page.context["is_stalled"], "stockhub_worker" in page.text) == (True, True)


def test_list_shows_user_choice_and_reason(staff, list_url):
    choice = MessageChoice(PAST, datetime(2021, 1, 1, tzinfo=timezone.utc), "shipment", "7", "failed", (1, 2))
    replay.begin(choice, who="office", reason="after the update")
    page = staff.get(list_url("replay"), {"q": "update"}).text
    for text in ("after the update", "2 chosen messages, from Jan. 1, 2020", "shipment, order 7, failed", URL):
        assert text in page


def test_progress_needs_the_view_permission(clerk):
    record = open_replay()
    assert (
        clerk("view_message").get(reverse("admin:stockhub_webhooks_replay_progress", args=[record.pk])).status_code
        == 403
    )


# ---------------------------------------------------------------- the receivers


def documented(**kwargs):
    """Writes <b>it</b> down.

    Not this.
    """


@pytest.fixture
def receivers(post):
    """Make receivers that succeeded, failed and were removed; shipments have no receiver."""

    def fails(**kwargs):
        raise ValueError("no")

    signals.order_created.connect(documented, dispatch_uid="shop.writes")
    signals.order_created.connect(fails, dispatch_uid="shop.fails")
    post("order")
    post("shipment")
    event = Event.objects.get(type="order.created")
    ReceiverCall.objects.create(event=event, signal="order_created", receiver="shop.old", status="given_up")
    ReceiverCall.objects.create(event=event, signal="no_such", receiver="shop.older", status="pending")
    signals.order_created.connect(documented, dispatch_uid="shop.new")
    yield
    for uid in ("shop.writes", "shop.fails", "shop.new"):
        signals.order_created.disconnect(dispatch_uid=uid)


def test_receivers_page_shows_signals_receivers_and_results(receivers, staff):
    context = staff.get(RECEIVERS)
    page = context.text
    assert "Writes &lt;b&gt;it&lt;/b&gt; down." in page
    assert "Not this" not in page
    (created,) = [row for row in context.context["signals"] if row["name"] == "order_created"]
    by_name = {row["identity"]: row for row in created["receivers"]}
    assert by_name["shop.writes"]["done_at"]
    assert not by_name["shop.writes"]["failed_at"]
    assert by_name["shop.fails"]["failed_at"]
    assert (by_name["shop.fails"]["waiting"], by_name["shop.fails"]["given_up"]) == (1, 0)
    (count,) = [row["without_receiver"] for row in context.context["signals"] if row["name"] == "shipment_created"]
    assert count == 1
    assert [row["receiver"] for row in context.context["removed_receivers"]] == ["shop.older", "shop.old"]
    assert f"{URL}?only_tell=on" in page


def test_receivers_page_has_a_constant_number_of_queries(receivers, staff, post):
    def cost():
        with CaptureQueriesContext(connection) as captured:
            staff.get(RECEIVERS)
        return len(captured)

    cost()
    first = cost()
    for number in ("1", "2", "3"):
        post("order", sample("order", increment_id=number))
    assert cost() == first <= 15


def test_changes_that_a_former_version_of_the_shop_applied_are_counted_and_offered(receivers, staff, post):
    def missed():
        rows = [row for signal in staff.get(RECEIVERS).context["signals"] for row in signal["receivers"]]
        return {row["identity"]: row["missed"] for row in rows}

    signals.event_recorded.connect(documented, dispatch_uid="shop.all")
    try:
        post("order", sample("order", increment_id="1"))
        assert set(missed().values()) == {0}
        signals.order_created.disconnect(dispatch_uid="shop.new")  # a process with the former code
        signals.event_recorded.disconnect(dispatch_uid="shop.all")
        post("order", sample("order", increment_id="2"))
        signals.order_created.connect(documented, dispatch_uid="shop.new")
        signals.event_recorded.connect(documented, dispatch_uid="shop.all")
        post("order", sample("order", increment_id="3"))
        assert missed() == {"shop.writes": 0, "shop.fails": 0, "shop.new": 1, "shop.all": 2}
        assert f"{URL}?only_tell=on&amp;receivers=shop.new" in staff.get(RECEIVERS).text
        event = Event.objects.get(type="order.created", increment_id="2")
        ReceiverCall.objects.create(event=event, signal="order_created", receiver="shop.new", status="pending")
        assert missed()["shop.new"] == 0
    finally:
        signals.event_recorded.disconnect(dispatch_uid="shop.all")


def test_receivers_page_opens_in_an_empty_shop(staff):
    context = staff.get(RECEIVERS).context
    assert {signal["name"] for signal in context["signals"]} == set(signals.BY_NAME)
    assert not any(signal["receivers"] for signal in context["signals"])


def test_tasks_of_a_removed_receiver_are_reassigned(receivers, staff, confirm):
    page = staff.post(REASSIGN, {"signal": "order_created", "former": "shop.old", "receiver": "shop.new"}, follow=True)
    assert not ReceiverCall.objects.filter(receiver="shop.new").exists()
    confirm(page)
    moved = ReceiverCall.objects.get(receiver="shop.new")
    assert (moved.status, moved.is_replay) == ("done", True)
    assert LogEntry.objects.get().change_message == "hand over to another receiver: 1"
    assert staff.get(REASSIGN).status_code == 405
    for wrong in ({"signal": "no_such"}, {"signal": "order_created", "former": "shop.new", "receiver": "shop.fails"}):
        assert message_levels(staff.post(REASSIGN, wrong, follow=True)) == ["error"]


@pytest.mark.parametrize(
    ("signal", "updated"),
    [
        ("order_status_changed", "order_updated"),
        ("shipment_delivered", "shipment_updated"),
        ("rma_item_status_changed", "rma_updated"),
    ],
)
def test_receiver_of_updates_is_offered_what_a_removed_one_of_a_part_of_them_has_left(post, staff, signal, updated):
    post("order")
    call = ReceiverCall.objects.create(event=Event.objects.first(), signal=signal, receiver="shop.old")
    signals.BY_NAME[updated].connect(documented, dispatch_uid="shop.merged")
    try:
        assert f"{URL}?only_tell=on&amp;receivers=shop.merged" in staff.get(RECEIVERS).text
        signals.BY_NAME[signal].connect(documented, dispatch_uid="shop.new")  # it can be given the task itself
        (row,) = staff.get(RECEIVERS).context["removed_receivers"]
        assert (row["receiver"], row["others"], row["of_updates"]) == (call.receiver, ["shop.new"], [])
    finally:
        signals.BY_NAME[updated].disconnect(dispatch_uid="shop.merged")
        signals.BY_NAME[signal].disconnect(dispatch_uid="shop.new")


def test_counts_of_a_receiver_link_to_its_tasks(receivers, staff):
    context = staff.get(RECEIVERS).context
    connected = [receiver for signal in context["signals"] for receiver in signal["receivers"]]
    for row in (*context["removed_receivers"], *connected):
        for what in ("waiting", "given_up"):
            assert staff.get(row[f"{what}_url"]).context["cl"].result_count == row[what], (row, what)


def test_tasks_of_a_removed_receiver_are_given_up_with_a_reason(receivers, staff, clerk, confirm):
    gone = {"signal": "order_created", "former": "shop.old"}
    assert staff.get(GIVE_UP).status_code == 405
    page = staff.post(GIVE_UP, gone, follow=True)
    assert "shop.old" in page.text
    confirm(page, reason="the old shop is closed")
    assert [row["receiver"] for row in staff.get(RECEIVERS).context["removed_receivers"]] == ["shop.older"]
    call = ReceiverCall.objects.get(receiver="shop.old")
    assert (call.cause, call.last_error) == ("by_hand", "the old shop is closed\n\n")
    assert LogEntry.objects.get().change_message == "give up: 1 (the old shop is closed)"
    assert staff.post(GIVE_UP, gone | {"former": "shop.fails"}).status_code == 400
    http = clerk("view_receivercall", "reassign")
    assert GIVE_UP not in http.get(RECEIVERS).text
    assert http.post(GIVE_UP, gone).status_code == 403


def test_list_of_tasks_links_to_the_receivers_with_the_permission(staff, clerk, list_url):
    assert RECEIVERS in staff.get(list_url("receivercall")).text
    assert clerk("view_message").get(RECEIVERS).status_code == 403


def test_pages_are_translated_into_dutch(staff, drifted, page_url):
    record = open_replay()
    for url, texts in {
        f"{URL}?order=RESELLER_REF": ("Opnieuw verwerken", "Wat er zou gebeuren", "Reden", "Welke berichten"),
        page_url(record): ("Voortgang", "van 1", "Stoppen"),
        RECEIVERS: ("Wie hoort wat", "niemand hoort dit"),
    }.items():
        page = staff.get(url, headers={"accept-language": "nl"}).text
        for text in texts:
            assert text in page


def test_events_without_a_receiver_have_a_link_that_offers_them(staff, post, hear):
    post("order")
    hear(signals.order_created, uid="shop.newcomer")
    link = f"{URL}?only_tell=on&receivers=shop.newcomer"
    assert link.replace("&", "&amp;") in staff.get(RECEIVERS).text
    form = staff.get(link).context["form"]
    assert (form["only_tell"].value(), form["receivers"].value()) == (True, ["shop.newcomer"])
