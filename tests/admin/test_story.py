"""The page "order story" of a purchase."""

import re
from datetime import datetime, timezone

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from stockhub_webhooks import signals
from stockhub_webhooks.admin import labels
from stockhub_webhooks.db.throttle import Throttle
from stockhub_webhooks.delivery import manual
from stockhub_webhooks.exceptions import PermanentFailure
from stockhub_webhooks.models import RMA, CreditMemo, Event, HostLink, Invoice, Message, Order, ReceiverCall, Shipment
from tests.admin.test_base import HOSTILE, main, poisoned
from tests.conftest import KEY, TEST_KEY
from tests.office.story.conftest import Teller, line, return_item
from tests.samples import ALPHABETICAL, contract, sample

pytestmark = pytest.mark.django_db(databases="__all__")
DUTCH = {"headers": {"accept-language": "nl"}}
RESOLVER = "tests.admin.other_site."
PAST = datetime(2020, 1, 1, tzinfo=timezone.utc)


def story_url(order=None, site="admin"):
    return reverse(f"{site}:stockhub_webhooks_order_story", args=[(order or Order.objects.earliest("pk")).pk])


@pytest.fixture
def tell(post):
    """Return a sender of messages about one purchase."""
    return Teller(post)


@pytest.fixture
def story(staff):
    """Return a function that opens the story of an order, in a language."""

    def page(order=None, http=staff, query="", **extra):
        answer = http.get(story_url(order) + query, **extra)
        assert answer.status_code == 200
        return answer

    return page


def text_of(page):
    """Return the visible text of a page, with single spaces."""
    part = re.sub(r"<(script|style).*?</\1>", "", main(page.text), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", part).replace("\u00a0", " ").split())


# ---------------------------------------------------------------- links to the page


def test_list_and_page_of_an_order_link_to_its_story(post, staff, list_url, page_url):
    post("order")
    order = Order.objects.get()
    for address in (list_url("order"), page_url(order)):
        assert f'href="{story_url(order)}"' in staff.get(address).text


def test_each_document_links_to_the_story_of_its_order(filled, staff, page_url):
    for document in (Shipment.objects.get(), RMA.objects.get(), Invoice.objects.get(), CreditMemo.objects.get()):
        assert f'href="{story_url(document.order)}"' in staff.get(page_url(document)).text


def test_story_needs_the_view_permission_and_an_existing_order(post, clerk, staff, client):
    post("order")
    address = story_url()
    assert client.get(address).status_code == 302
    assert clerk("view_shipment").get(address).status_code == 403
    assert staff.get(address.replace(str(Order.objects.get().pk), "999")).status_code == 404
    assert staff.get(address.replace(str(Order.objects.get().pk), "x")).status_code == 404


def test_story_links_to_every_document_message_and_task(filled, story, page_url):
    page = main(story().text)
    for order in Order.objects.filter(po_number="RESELLER_REF"):
        rows = [order, *order.shipments.all(), *order.rmas.all(), *order.invoices.all(), *order.credit_memos.all()]
        for row in rows:
            assert f'href="{page_url(row)}"' in page
        for event in order.events.all():
            assert f'href="{page_url(event.message)}"' in page
    for call in ReceiverCall.objects.all():
        assert f'href="{page_url(call)}"' in page


def test_pages_that_the_user_may_not_view_are_not_linked(filled, clerk, story, page_url):
    page = main(story(http=clerk("view_order")).text)
    assert page_url(Order.objects.earliest("pk")) in page
    assert not re.findall(r'href="/admin/stockhub_webhooks/(?!order/)', page)


def test_story_works_on_an_admin_site_of_the_host(post, staff, settings):
    settings.ROOT_URLCONF = RESOLVER[:-1]
    post("order")
    page = main(staff.get(story_url(site="office")).text)
    assert "/admin/" not in page
    assert 'href="/office/stockhub_webhooks/order/' in page


# ---------------------------------------------------------------- contents


def test_story_has_all_sections_in_both_languages(filled, story):
    page, dutch = story(), story(**DUTCH)
    english = text_of(page)
    for said in (
        "120.00 − 2.50 fee = € 117.50",
        "probably for return 000000118",
        "UPS 1Z00AA000000000001",
        "Shipment delivered",
        "New credit note",
        "in transit → delivered",
        "authorised",
        "order not received yet",
        "failing, tried 1 time: ValueError",
    ):
        assert said in english, said
    for said in ("120,00 − 2,50 inhouding = € 117,50", "onderweg → bezorgd", "Nieuwe creditnota", "waarschijnlijk"):
        assert said in text_of(dutch), said
    assert page.context["subtitle"] == "RESELLER_REF"


def test_differences_of_amounts_are_shown_in_words(post, story):
    post("order", sample("order", status="processing", grand_total=244.97))
    assert len(story().context["remarks"]) == 1
    assert " 0.02 " in text_of(story())
    assert " 0,02 " in text_of(story(**DUTCH))
    post(
        "order",
        sample("order", status="processing", subtotal=250, grand_total=254.95, updated_at="2025-01-01T00:00:00+00:00"),
    )
    assert len(story().context["remarks"]) == 1
    assert " 10.00 " in text_of(story())


def test_discount_is_written_out_and_is_no_difference(post, story):
    post("order", sample("order", status="processing", grand_total=220.45))
    assert re.search(r"240\.00 \+ 4\.95 [a-z ]+ − 24\.50 [a-z ]+ = € 220\.45", text_of(story()))
    assert story().context["remarks"] == []
    assert "− 24,50 korting" in text_of(story(**DUTCH))


def test_pieces_show_open_cancelled_requested_and_surplus_numbers(tell, story):
    tell.order(("A", "L", 3), ("B", "L", 1))
    tell.shipment(("A", "L", 1), ("B", "L", 2), ("Z", "", 1))
    tell.credit(("A", "L", 1), reversal="CANCELLED")
    tell.rma(return_item("A", number=1), return_item("B", status="rejected"))
    said = text_of(story())
    for words in (
        "3 1 cancelled 1 0 0 1 asked 1 1",
        "more than was ordered",
        "the order does not have this line",
        "1 refused",
        "1 × A L, authorised",
    ):
        assert words in said, words
    assert "Total" in said


def test_document_of_another_purchase_is_shown_with_a_remark(post, story):
    post("order", sample("order", status="processing"))
    post("order", sample("order", status="processing", increment_id="2", po_number="OTHER"))
    post("shipment", sample("shipment", order_increment_id="2"))
    (stray,) = story(Order.objects.get(po_number="RESELLER_REF")).context["remarks"]
    assert '/change/">2</a>' in stray
    (other_number,) = story(Order.objects.get(po_number="OTHER")).context["remarks"]
    assert "(RESELLER_REF)" in other_number
    request = sample("order-payment-request", order_increment_id=None, payment={"method": "x", "po_number": "OTHER"})
    post("order-payment-request", request)
    assert any("(-)" in remark for remark in story(Order.objects.get(po_number="OTHER")).context["remarks"])


def test_orders_with_the_same_order_number_share_a_story(post, story):
    post("order")
    post("order", sample("order", increment_id="2"))
    second = Order.objects.get(increment_id="2")
    said = text_of(story(second))
    assert "Order 000000701" in said
    assert "4 0 0 0 0 4" in said


def test_items_of_a_return_are_named_by_article(post, story):
    post("rma")
    post("rma", sample("rma", status="approved", items__status="approved", items__qty_approved=1))
    said = text_of(story())
    assert "wsnl100-0123456789abcdef01234567 S: status: authorised → approved" in said
    assert said.count("status: authorised → approved") == 2 - said.count("Status: authorised → approved")
    assert "1 approved" in said


def test_tasks_of_the_shop_are_shown_with_their_errors(post, hear, story, staff):
    def never(**kwargs):
        raise PermanentFailure("piet.testman@example.com is unknown")

    hear(signals.order_created, never, uid="shop.never")
    hear(signals.order_created, uid="shop.done")
    post("order")
    said = text_of(story())
    (entry,) = story().context["entries"]
    assert (entry.has_trouble, len(entry.tasks), entry.tasks_in_short in said) == (True, 2, True)
    assert "shop.never (new order) : given up: piet.testman@example.com is unknown" in said
    assert "<details open>" in story().text


def test_task_that_a_person_gave_up_is_no_trouble(post, hear, story):
    def never(**kwargs):
        raise PermanentFailure("it is unknown")

    hear(signals.order_created, never, uid="shop.never")
    post("order")
    assert "1 task for our shop is not done" in text_of(story())
    manual.give_up_by_hand([ReceiverCall.objects.get().pk], "settled by phone")
    (entry,) = story().context["entries"]
    assert (entry.has_trouble, len(entry.tasks)) == (False, 1)
    assert "1 task for our shop is not done" not in text_of(story())


def test_message_without_changes_shows_its_outcome(post, story):
    post("order")
    post("order")
    post("order", sample("order", status="pending", updated_at="2020-01-01T00:00:00+00:00"))
    titles = {entry.title for entry in story().context["entries"]}
    assert {f"Order: {Message.Outcome.UNCHANGED.label}", f"Order: {Message.Outcome.STALE.label}"} <= titles


def test_entry_of_a_replay_says_so(post, story):
    post("order")
    (before,) = story().context["entries"]
    Event.objects.update(is_replay=True)
    (entry,) = story().context["entries"]
    assert len(entry.details) == len(before.details) + 1


def test_story_without_messages_says_so(post, story):
    post("order")
    order = Order.objects.get()
    Order.objects.filter(pk=order.pk).update(increment_id="other")
    page = story(order)
    assert (page.context["entries"], str(page.context["labels"]["empty"]) in page.text) == ([], True)


# ---------------------------------------------------------------- persons


def test_personal_data_is_hidden_without_the_permission(post, hear, clerk, story):
    def fail(**kwargs):
        raise ValueError("piet.testman@example.com")

    hear(signals.order_created, fail)
    post("order")
    moved = sample("order", updated_at="2025-01-01T00:00:00+00:00")
    moved["shipping_address"] |= {"city": "Verhuisdorp", "email": "nieuw@example.com"}
    moved["billing_address"] = None
    post("order", moved)
    http = clerk("view_order", "view_receivercall", "view_message", "view_event")
    page = story(http=http).text
    for said in ("Testman", "Piet", "example.com", "Verhuisdorp", "Teststad", "Voorbeeldlaan", "1234AB", "+316"):
        assert said not in page, said
    assert page.count("hidden") >= 4
    assert "ValueError" in page


def test_reason_of_a_receiver_is_hidden_without_the_permission(post, hear, clerk, story):
    def never(**kwargs):
        raise PermanentFailure("Piet: not known")

    hear(signals.order_created, never)
    post("order")
    page = story(http=clerk("view_order"))
    assert "Piet" not in page.text
    assert f"{ReceiverCall.Status.GIVEN_UP.label}: " in text_of(page)


def test_customer_is_shown_with_the_permission(post, clerk, story):
    post("order")
    page = story(http=clerk("view_order", "view_personal_data")).text
    for said in ("Piet Testman", "Voorbeeldlaan 7", "piet.testman@example.com"):
        assert said in page


def test_support_message_has_numbers_and_no_personal_data(filled, story):
    letter = story().context["support_message"]
    for said in ("RESELLER_REF", "000000701", "1Z00AA000000000001", "Return 000000118", "117.50"):
        assert said in letter, said
    for said in ("Testman", "Piet", "example.com", "Teststad", "1234AB"):
        assert said not in letter
    dutch = story(**DUTCH)
    assert dutch.context["support_message"].startswith("Ons ordernummer: RESELLER_REF\n")
    assert re.search(r"<textarea[^>]* readonly[^>]*>Ons ordernummer", dutch.text)


def test_support_message_asks_the_question_that_the_facts_raise(tell, story):
    tell.order(("A", "L", 3), status="processing")
    (not_sent,) = questions(story())
    assert not_sent.startswith("3 ")
    tell.shipment(("A", "L", 2))
    (not_sent,) = questions(story())
    assert not_sent.startswith("1 ")
    tell.shipment(("A", "L", 1), increment_id="5")
    (not_delivered,) = questions(story())
    tell.shipment(("A", "L", 1), increment_id="5", status="EXCEPTION", updated_at="2025-01-01 00:00:00")
    (problem,) = questions(story())
    Order.objects.first().shipments.update(status="DELIVERED")
    assert questions(story()) == ["…"]
    tell.rma(return_item("A", qty_returned=1))
    (not_credited,) = questions(story())
    tell.order(("A", "L", 3), status="processing", grand_total=31, updated_at="2025-01-01T00:00:00+00:00")
    (former, amounts) = questions(story())
    assert (former, "Order 000000701: " in amounts, "1.00" in amounts) == (not_credited, True, True)
    assert len({not_sent, not_delivered, problem, not_credited}) == 4


def questions(page):
    """Return the questions at the end of the support message, below their heading."""
    return page.context["support_message"].rstrip().rpartition("\n\n")[2].splitlines()[1:]


def test_support_message_does_not_ask_to_credit_refused_pieces(tell, story):
    tell.order(("A", "L", 1))
    tell.delivered(("A", "L", 1))
    tell.rma(return_item("A", qty_returned=1, status="rejected"))
    assert questions(story()) == ["…"]
    assert drawn_steps(story())[3:] == [("done", "Returned", "1 of 1"), ("cancelled", "Refunded", "not due")]


def test_support_message_about_a_stub_states_only_known_facts(tell, story):
    tell.delivered(("A", "L", 2))
    page = story()
    assert f"000000701, status: {labels.NOT_RECEIVED_YET}\n" in page.context["support_message"]
    assert "2 of ?" in page.context["support_message"]


def test_support_message_of_a_long_order_lists_its_open_lines(tell, story):
    tell.order(*((f"S{number}", "L", 1) for number in range(60)), total=None)
    tell.delivered(("S1", "L", 1))
    letter = story().context["support_message"]
    assert "- S0 L: 1 " in letter
    assert "- S1 L" not in letter
    assert sum(text.startswith("- ") for text in letter.splitlines()) == 41
    assert " 20 " in letter


# ---------------------------------------------------------------- the shop's own order


@pytest.fixture
def resolver(settings):
    """Return a function that sets the resolver of the host."""

    def use(name):
        settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "HOST_ORDER_RESOLVER": RESOLVER + name}

    return use


def test_order_number_links_to_the_shops_order_in_the_admin(post, story, resolver, django_user_model, clerk):
    post("order")
    resolver("find_user")
    user = django_user_model.objects.create(username="RESELLER_REF")
    link = f'<a href="/admin/auth/user/{user.pk}/change/">RESELLER_REF</a>'
    assert link in story().text
    assert link not in story(http=clerk("view_order")).text


def test_order_number_links_to_the_shops_page_if_there_is_no_admin_page(post, story, resolver):
    post("order")
    resolver("find_page")
    assert '<a href="/orders/&lt;1&gt;/">RESELLER_REF</a>' in story().text


def test_admin_page_and_shop_page_are_both_linked(post, story, resolver, django_user_model, monkeypatch):
    post("order")
    resolver("find_user")
    django_user_model.objects.create(username="RESELLER_REF")
    monkeypatch.setattr(django_user_model, "get_absolute_url", lambda user: "/orders/7/", raising=False)
    assert '(<a href="/orders/7/">in the shop</a>)' in story().text


@pytest.mark.parametrize("name", ["find_nothing", "find_broken"])
def test_order_number_is_plain_text_if_the_shop_has_no_order(post, story, resolver, name):
    post("order")
    resolver(name)
    assert "<dd>RESELLER_REF</dd>" in story().text
    assert "HOST_ORDER_RESOLVER" not in story().text


@pytest.mark.parametrize("name", ["fail", "not_there"])
def test_failing_resolver_is_shown_and_breaks_nothing(post, story, resolver, name):
    post("order", sample("order", status="processing"))
    resolver(name)
    (remark,) = story().context["remarks"]
    assert "HOST_ORDER_RESOLVER" in remark


def test_story_says_since_when_the_shop_has_no_such_order(post, story, resolver, clerk, django_user_model):
    post("order", sample("order", status="processing"))
    resolver("find_user")
    row = HostLink.objects.create(order=Order.objects.get(), account="default", status="missing", since=PAST)
    HostLink.objects.update(looked_at=PAST)
    (remark,) = story().context["remarks"]
    assert f'<a href="/admin/stockhub_webhooks/hostlink/{row.pk}/change/">' in remark
    assert remark.replace("\u00a0", " ").count("Jan. 1, 2020, 1 a.m.") == 2
    unlinked = story(http=clerk("view_order"))
    assert len(unlinked.context["remarks"]) == 1
    assert "/hostlink/" not in unlinked.text
    django_user_model.objects.create(username="RESELLER_REF")
    assert story().context["remarks"] == []


@pytest.mark.parametrize("name", ["", "find_user"])
def test_story_says_nothing_of_the_shop_if_no_look_up_was_made(post, story, resolver, name):
    post("order", sample("order", status="processing"))
    if name:
        resolver(name)
    else:
        HostLink.objects.create(order=Order.objects.get(), account="default", status="missing", since=PAST)
    assert story().context["remarks"] == []


# ---------------------------------------------------------------- the picture


def drawn_steps(page):
    """Return state and texts of each step."""
    return [
        (f"{step.state} problem" if step.has_problem else step.state, step.title, step.pieces, *step.remarks)
        for step in page.context["picture"]
    ]


def solid_lines(page):
    """Count the lines between two finished steps."""
    return sum(step.leads_on for step in page.context["picture"])


def test_picture_is_a_list_with_one_sign_for_each_step(post, story):
    post("order")
    drawn = re.search(r'<ol class="stockhub-life" aria-label="[^"]+">(.*?)</ol>', story().text, re.DOTALL)[1]
    assert drawn.count('<li class="step ') == drawn.count("<svg ") == 5
    assert drawn.count('aria-hidden="true"') == 5  # the texts beside the signs say the same


def test_picture_shows_partial_cancelled_returned_and_problem_steps(tell, story):
    tell.order(("A", "L", 4))
    tell.delivered(("A", "L", 1))
    tell.shipment(("A", "L", 1), status="EXCEPTION")
    tell.credit(("A", "L", 1), reversal="CANCELLED")
    tell.rma(return_item("A", number=1, qty_returned=1), return_item("A", number=1, status="rejected"))
    assert drawn_steps(story()) == [
        ("done", "Ordered", "4", "1 cancelled"),
        ("partial", "Sent", "2 of 3", "in part"),
        ("partial problem", "Delivered", "1 of 3", "problem on the way", "in part"),
        ("done", "Returned", "1 of 1", "1 refused"),
        ("partial", "Refunded", "1 of 2", "in part"),
    ]
    assert solid_lines(story()) == 0


def test_picture_of_a_finished_order_has_all_steps_done(tell, story):
    tell.order(("A", "L", 2))
    tell.delivered(("A", "L", 2))
    assert [step[0] for step in drawn_steps(story())] == ["done", "done", "done", "none", "none"]
    assert solid_lines(story()) == 2
    assert drawn_steps(story(**DUTCH))[2][1] == "Bezorgd"


def test_picture_shows_cancelled_refused_and_unknown_steps(tell, story):
    tell.order(("A", "L", 2), status="canceled")
    tell.rma(return_item("A", status="denied"))
    assert drawn_steps(story()) == [
        ("cancelled", "Ordered", "cancelled"),
        ("cancelled", "Sent", "cancelled"),
        ("cancelled", "Delivered", "cancelled"),
        ("cancelled", "Returned", "refused"),
        ("none", "Refunded", "none"),
    ]


def test_picture_of_a_stub_has_unknown_steps(tell, post, story):
    tell.delivered(("A", "L", 2))
    assert drawn_steps(story())[:2] == [
        ("unknown", "Ordered", "not known"),
        ("partial", "Sent", "2 of ?", "number not known"),
    ]
    post("order", sample("order", increment_id="5", items=[line(name="qty_ordered", number=3)]))
    assert drawn_steps(story())[:2] == [
        ("unknown", "Ordered", "at least 3"),
        ("partial", "Sent", "2 of at least 3", "in part"),
    ]


# ---------------------------------------------------------------- size and safety


def test_number_of_queries_does_not_depend_on_the_size_of_the_purchase(staff, post, hear):
    hear(signals.event_recorded)

    def tell(number, lines):
        items = [line(f"S{turn}", name="qty_ordered") for turn in range(lines)]
        for turn in range(number):
            minute = f"2024-05-06T{lines % 24:02d}:{turn:02d}:00+02:00"
            post("order", sample("order", status=f"s{turn}", items=items, updated_at=minute))
            for topic in ("shipment", "rma", "invoice", "creditmemo"):
                body = sample(topic, increment_id=f"{turn}", order_increment_id="000000701")
                if body.get("track"):
                    body["track"]["tracking_number"] = f"{topic}{turn}"
                post(topic, body)

    def cost():
        for throttle in Throttle.instances:
            throttle.reset()  # what is asked once a second is asked each time
        with CaptureQueriesContext(connection) as queries:
            assert staff.get(story_url(Order.objects.get(increment_id="000000701"))).status_code == 200
        return [query["sql"] for query in queries]

    tell(1, 1)
    cost()
    few = cost()
    tell(12, 30)
    many = cost()
    assert len(many) == len(few) <= 30, many
    assert not [sql for sql in many if '"body"' in sql or "`body`" in sql]


def test_long_tables_are_folded(staff, post, monkeypatch, story):
    monkeypatch.setattr("stockhub_webhooks.office.story.timeline.PAGE_SIZE", 2)
    items = [line(f"S{turn}", name="qty_ordered") for turn in range(30)]
    for turn in range(5):
        changed = [item | {"mpn": f"{turn}"} for item in items]
        post("order", sample("order", items=changed, updated_at=f"2024-05-06T12:0{turn}:00+02:00"))
    page = story(query="?page=2&order=oldest")
    assert "<summary>Pieces of each line (30)</summary>" in page.text
    assert "<summary>30 values changed</summary>" in page.text
    assert "Page 2 of 3" in text_of(page)
    for link in ("?page=1&amp;order=oldest#stockhub-history", "?page=3&amp;order=oldest#stockhub-history"):
        assert f'href="{link}"' in page.text
    assert 'href="?page=2#stockhub-history"' in story().text


def test_text_of_the_sender_is_escaped(post, story):
    for topic in ALPHABETICAL:
        assert post(topic, poisoned(contract(topic))).status_code == 200
    for order in Order.objects.all():
        page = story(order).text
        assert HOSTILE not in page
        assert "<script>alert" not in page
        assert '"><script' not in page


def test_only_http_urls_become_links(post, story):
    post("shipment", sample("shipment", track__tracking_url="javascript:alert(1)"))
    assert "javascript:" not in story().text


def test_story_has_no_inline_script_or_style(filled, story):
    part = main(story().text)
    assert " style=" not in part
    assert not re.search(r"\son[a-z]+=", part)
    assert "<script" not in part
    assert "<style" not in part


def test_account_is_shown_only_if_there_are_several(post, story, settings):
    post("order")
    assert "<dt>Account</dt>" not in story().text
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"default": KEY, "second": "b" * 30}}
    assert "<dt>Account</dt>" in story().text


def test_story_of_a_test_is_marked_as_a_test(post, story, settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"default": KEY, "test": TEST_KEY}}
    post("order")
    assert "stockhub-badge" not in story().text
    post("order", key=TEST_KEY)
    assert "stockhub-badge" in story(Order.objects.get(account="test")).text


def test_a_complete_order_without_a_shipment_says_so_and_asks_for_its_message(tell, story):
    tell.order(("A", "L", 5), status="complete")
    tell.rma(return_item("A", qty_requested=2, qty_returned=2))
    page = story()
    (asked,) = [line for line in questions(page) if "000000701" in line]
    assert "shipment" in asked
    assert not [line for line in questions(page) if line[0].isdigit()], "it does not ask when the pieces are sent"
    assert any("complete" in str(remark) for remark in page.context["remarks"])


# ---------------------------------------------------------------- a shipment whose message was lost


@pytest.mark.parametrize("sent", [0, 3])
def test_support_message_asks_for_a_lost_shipment_and_not_when_it_will_be_sent(story, tell, sent):
    tell.order(("A", "L", 5), status="complete")
    if sent:
        tell.delivered(("A", "L", sent))
    page = story(**DUTCH)
    assert "afgerond, maar" in text_of(page).partition("Aandachtspunten")[2]
    message = page.context["support_message"]
    assert "opnieuw sturen?" in message
    assert "nog niet verzonden" not in message.partition("Onze vraag")[2]
