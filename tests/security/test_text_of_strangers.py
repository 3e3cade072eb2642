"""Invisible characters in any text of any row: each page, mail, line and cell shows them, and none is obeyed.

Goes by the models, the admin's registry, the URLs and the commands, so that a new one is covered without a word here.
"""

import csv
import io
import logging
import re
import sys
import unicodedata
from decimal import Decimal
from html import unescape

import pytest
from django.apps import apps
from django.core.management import call_command, get_commands, load_command_class
from django.db import models
from django.template import Context, Template
from django.urls import reverse

from stockhub_webhooks import visible
from stockhub_webhooks.admin.story.support_message_page import support_message
from stockhub_webhooks.contract.links import safe_link
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.management.output import SafeCommand
from stockhub_webhooks.models import Order, Shipment
from stockhub_webhooks.office import story
from stockhub_webhooks.office.export import sheet
from stockhub_webhooks.office.export.tables import TABLES
from stockhub_webhooks.operations.health.alarm import write_mail
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.rules import find_problems
from tests.admin.other_site import site as other_site
from tests.samples import contract, sample
from tests.security.pages import all_pages
from tests.security.test_markup import OURS, texts

pytestmark = pytest.mark.django_db(databases="__all__")

# an override and an embedding, isolates, marks, what has no width, a terminal's commands, and noncharacters
ODD = "\u202e\u202b\u2066\u2067\u2069\u200e\u200f\u061c\u200b\u2060\ufeff\u00ad\u3164\x1b\x07\x7f\x9b\u2028\ufdd0\ue000"
READABLE = [
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # a family
    "\u2764\ufe0f\u200d\U0001f525",  # a heart on fire
    "1\ufe0f\u20e3",  # a keycap
    "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # the flag of Scotland
    "\U0001f469\U0001f3fd\u200d\u2695\ufe0f",  # a doctor with a skin tone
    "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",  # Persian, with a non-joiner
    "محمد بن سلمان",
    "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd",  # Hebrew with vowels
    "\u0936\u094d\u200d\u0930\u0940",  # Hindi, with a joiner
    "\u0db6\u0dca\u200d",  # Sinhala, with a joiner at the end
    "\u8fbb\U000e0100",  # a Japanese name in its own spelling
    "Zoe\u0308",
    "Łódź",
    "Ἀθῆναι",
]
RAW = re.compile(f"[{ODD}]")
# of these our pages and lines have the isolates that we put around right-to-left words
OUR_ISOLATES = re.compile("\u2068[^\u2068\u2069\n]*\u2069")


def is_odd(code):
    """Return True if Unicode says that nobody sees the character, or that it is none."""
    is_none = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return is_none or unicodedata.category(chr(code)) in ("Cc", "Cf", "Zl", "Zp", "Cs", "Co")


ARABIC_SIGNS = {*range(0x600, 0x606), 0x6DD, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}  # formatting, with a glyph


def test_each_invisible_character_is_shown_by_its_code():
    found = {code for code in range(sys.maxunicode + 1) if visible.visible(f"a{chr(code)}b") != f"a{chr(code)}b"}
    expected = {code for code in range(sys.maxunicode + 1) if is_odd(code)} - ARABIC_SIGNS - {ord("\n"), ord("\t")}
    assert expected <= found
    # what Unicode calls a letter or a mark, and has no glyph: `Default_Ignorable_Code_Point`, and an empty Braille cell
    others = {chr(code) for code in found - expected if unicodedata.category(chr(code)) != "Cn"}
    assert {unicodedata.category(character) for character in others} <= {"Lo", "Mn", "So"}
    assert len(others) < 300
    assert visible.visible("a\u202eb") == "a⟨U+202E⟩b"


@pytest.mark.parametrize("name", READABLE)
def test_name_or_emoji_stays_as_it_is(name):
    assert visible.visible(name) == name
    assert visible.visible(f"<{name}> {name}.") == f"<{name}> {name}."


@pytest.mark.parametrize(
    "text", ["pay\u200dpal", "a\u200cb", "\u200d", "x\ufe0f", "🏴\U000e0067", "\U000e0041", "e\u200d👧"]
)
def test_joiner_that_joins_nothing_is_shown(text):
    assert "⟨U+" in visible.visible(text)


def test_right_to_left_words_are_isolated_and_the_number_after_them_is_not():
    assert visible.isolated("a محمد بن علی 12, b") == "a \u2068محمد بن علی\u2069 12, b"
    assert visible.visible_html("<p>a محمد 12</p>") == "<p>a <bdi>محمد</bdi> 12</p>"
    assert "<bdi>" not in visible.visible_html("<title>محمد</title><option value='محمد'>محمد</option>")


@pytest.mark.parametrize(
    "form",
    [
        '<input name="a" value="{}">',
        "<textarea>{}</textarea>",
        '<option value="{}">x</option>',
        '<a href="?q={}">x</a>',
    ],
)
def test_value_of_a_form_stays_as_it_is(form):
    value = "\u202e\u200b محمد"
    made = visible.visible_html(form.format(value))
    assert not RAW.search(made)
    assert unescape(made) == form.format(value)


# ---------------------------------------------------------------- all places


def hostile(field, value):
    """Return the value with such characters in each text; numbers keep their beginning, by which a row is found."""
    if isinstance(field, models.BinaryField):
        return bytes(value).replace(b'"sku":', f'"x{ODD}y": "{ODD}", "sku":'.encode())
    if isinstance(field, models.JSONField):
        return in_json(value)
    room = (getattr(field, "max_length", None) or 1000) - len(str(value or ""))
    return f"{value or ''}{ODD[: max(room, 0)]}"


def in_json(value):
    if isinstance(value, dict):
        return {name: in_json(part) for name, part in value.items()} | {ODD: [ODD, {ODD: ODD}]}
    if isinstance(value, list):
        return [in_json(part) for part in value] or [{"path": ODD, "code": ODD, "detail": ODD}]
    return f"{value}{ODD}" if isinstance(value, str) else value


@pytest.fixture
def infected(filled):
    """Fill the admin, with such characters in every text."""
    for model in apps.get_app_config("stockhub_webhooks").get_models():
        for row in model._base_manager.all():
            for field in texts(model):
                if (
                    field.name not in ("account", "key_fingerprint")
                    and (model._meta.model_name, field.name) not in OURS
                ):
                    setattr(row, field.attname, hostile(field, getattr(row, field.attname)))
            row.save()


def assert_visible(text):
    found = RAW.search(OUR_ISOLATES.sub("", text.replace("\x9b", "")))  # HTML has no reference for 9B in a value
    assert not found, ascii(text[max(found.start() - 200, 0) : found.end() + 50])


def test_every_page_shows_them(infected, staff):
    shown = 0
    for address in all_pages("0", f"0{ODD}"):
        answer = staff.get(address, follow=True)
        assert answer.status_code in (200, 405), address
        if not answer.streaming and answer["Content-Type"].startswith("text/html"):
            assert_visible(answer.text)
            shown += "⟨U+202E⟩" in answer.text
    assert shown > 20


def test_history_and_missing_rows_show_them(infected, staff):
    order = Order.objects.latest("pk")
    for name, *args in (("history", order.pk), ("change", f"no{ODD}")):
        answer = staff.get(reverse(f"admin:stockhub_webhooks_order_{name}", args=args), follow=True)
        assert_visible(answer.text)


def test_name_of_each_row_shows_them(infected):
    for model in apps.get_app_config("stockhub_webhooks").get_models():
        for row in model._base_manager.all():
            if model._meta.model_name not in (
                "alarm",
                "heartbeat",
                "lock",
                "replay",
                "receivercall",
            ):  # ours, and names of users
                assert_visible(str(row))


def test_page_for_customers_shows_them(post):
    track = {"tracking_number": f"T-1{ODD}", "carrier": f"c{ODD}", "tracking_url": f"https://a.example/{ODD}"}
    assert post("shipment", sample("shipment", po_number="PO-1", track=track)).status_code == 200
    page = Template("{% load stockhub %}{% stockhub_tracking order %}").render(Context({"order": "PO-1"}))
    assert "T-1⟨U+202E⟩" in page
    assert "href" not in page
    assert_visible(page)
    assert all("\u202e" not in parcel.tracking_number + parcel.carrier for parcel in story.parcels("PO-1"))


@pytest.mark.urls("tests.admin.other_site")
def test_box_on_the_page_of_the_shop_shows_them(post, staff, django_user_model):
    post("order", sample("order", po_number="office", status=f"new{ODD}"))
    user = django_user_model.objects.get(username="office")
    answer = staff.get(reverse(f"{other_site.name}:auth_user_change", args=[user.pk]))
    assert "new⟨U+202E⟩" in answer.text
    assert_visible(answer.text)


def test_mails_show_them(infected, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"SITE_URL": "https://shop.example"}
    for order in Order.objects.all():
        purchase = story.read(order)
        lines = story.lines_of(purchase)
        assert_visible(support_message(purchase, lines, story.steps_of(purchase, lines)))
    problems = [problem._replace(text=f"{problem.text} {ODD}") for problem in find_problems(collect_report())]
    assert problems
    for text in write_mail(problems):
        assert_visible(text)


# ---------------------------------------------------------------- terminal and log


COMMANDS = sorted(name for name, app in get_commands().items() if app == "stockhub_webhooks")


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_sends_them_to_a_terminal(name):
    command = load_command_class("stockhub_webhooks", name)
    assert isinstance(command, SafeCommand)
    command.handle = lambda *args, **options: command.stderr.write(f"bad {ODD}") or f"done {ODD}"
    command.requires_system_checks = []
    out, err = io.StringIO(), io.StringIO()
    options = {"no_color": True, "force_color": False}
    command.execute(stdout=out, stderr=err, **options)
    assert "bad ⟨U+202E⟩" in err.getvalue()
    assert_visible(err.getvalue())
    if not command.writes_data:
        assert "done ⟨U+202E⟩" in out.getvalue()
        assert_visible(out.getvalue())


def test_command_without_streams_writes_to_those_of_the_process(capsys):
    command = load_command_class("stockhub_webhooks", "stockhub_status")
    command.handle = lambda *args, **options: f"done {ODD}"
    command.execute(no_color=True, force_color=False)
    assert "done ⟨U+202E⟩" in capsys.readouterr().out


def test_what_a_program_reads_has_escapes(infected):
    for name, *arguments in (("stockhub_dump", "--since", "2000-01-01T00:00:00+00:00"), ("stockhub_status", "--json")):
        out = io.StringIO()
        with pytest.raises(SystemExit) if name == "stockhub_status" else io.StringIO():
            call_command(name, *arguments, stdout=out)
        assert out.getvalue()
        assert not re.search("[\u202e\u2066\x1b\x9b]", out.getvalue())


def test_log_line_stays_one_line(caplog):
    with caplog.at_level(logging.WARNING):
        logger_of("stockhub_webhooks.receiving.refusals").warning("refused: %s, %d", f"a\r\nb{ODD}", 1)
    (line,) = caplog.messages
    assert_visible(line)
    assert line.startswith("refused: a⟨U+000D⟩⟨U+000A⟩b⟨U+202E⟩")
    assert line.endswith(", 1")


# ---------------------------------------------------------------- cells


@pytest.mark.parametrize("topic", TABLES)
def test_file_shows_them(post, staff, topic):
    assert post(topic, contract(topic) | {"po_number": f"PO{ODD}"}).status_code == 200
    chosen = {"topic": topic, "first": "2000-01-01", "last": "2100-01-01"}
    text = b"".join(staff.post(reverse("admin:stockhub_webhooks_export"), chosen)).decode("utf-8-sig")
    assert "PO⟨U+202E⟩" in text
    assert_visible(text)


SIGNS = "=+-@＝＋－＠"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", ":", "\n", "\r", "\r\n", "\x0b", "\x0c", "\x85", "\u2028"])
@pytest.mark.parametrize("between", ["", " ", '"', '" ', "\u200b", "\u00a0", "\t", ",", '";"'])
def test_no_part_of_a_cell_is_a_formula_whatever_separates_cells(separator, between):
    for sign in SIGNS:
        (line,) = sheet.lines([["A", f"x{separator}{between}{sign}1+1", "B"]])
        text = line.removeprefix("\ufeff")
        parts = re.split("[,;|:\t\n\r\x0b\x0c\x85\u2028]", text)
        for delimiter in ",;\t|:":
            parts += [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) for cell in row]
        assert not [part for part in parts if part.strip('" \u00a0\u200b\t').startswith(tuple(SIGNS))], ascii(text)
        assert not [part for part in parts if part[:1] in ("\t", "\r")], ascii(text)


def test_numbers_and_ordinary_text_stay_as_they_are():
    for text in ("A-1", "Kerkstraat 5-7, 1234 AB", "a; b", "1,5", "09:00", "+"[:0], "C&A | Zara"):
        assert sheet.cell(text) == text
    assert sheet.cell(Decimal("-5")) == "-5,00"


# ---------------------------------------------------------------- links


@pytest.mark.parametrize(
    "url",
    [
        "", None, "https://", "https:///path", "http:/a.example", "https:a.example", "//a.example", "a.example",
        "https://user@a.example", "https://user:secret@a.example", "https://@a.example", "https://:@a.example",
        "javascript:alert(1)", "java\tscript:alert(1)", " https://a.example", "https://a.example ",
        "https://a. example",
        "https://a.example/\u202e", "https://a.example/\x00", "https://a.example/\n", "https://a\u200b.example",
        "https://a.example\\@b.example", "https:\\\\a.example", "https://a.example:port", "https://a.example:99999",
        "https://[::1", "https://?x", "https://#x", "https://.", "https://a%40b.example", "ftp://a.example",
        "data:text/html,x", "https://a.example＠b.example", "https://a.example/\u00a0", "https://a.example/\ud800",
    ],
)  # fmt: skip
def test_link_that_leads_nowhere_or_elsewhere_is_none(url):
    assert safe_link(url) == ""


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example", "HTTP://A.example/x?y=z#w", "https://a.example:8443/@name", "https://[2001:db8::1]/x",
        "https://bücher.example/é", "http://10.0.0.1/track?loc=nl_NL&x=1Z%20", "https://a.example?mail=b@c.example",
    ],
)  # fmt: skip
def test_link_of_a_carrier_is_one(url):
    assert safe_link(url) == url


def test_unsafe_link_is_nowhere_a_link(post, staff, page_url):
    link = "https://user:secret@a.example/"
    for topic in ("shipment", "rma"):
        track = {"tracking_number": "T-1", "carrier": "ups", "tracking_url": link}
        assert post(topic, contract(topic) | {"track": track, "po_number": "PO-1"}).status_code == 200
    order = Shipment.objects.get().order
    pages = [
        page_url(order),
        page_url(Shipment.objects.get()),
        reverse("admin:stockhub_webhooks_order_story", args=[order.pk]),
    ]
    for page in pages:
        assert f'href="{link}' not in staff.get(page).text
    assert link not in staff.get("/api/stockhub/orders/").text
    assert "href" not in Template("{% load stockhub %}{% stockhub_tracking 'PO-1' %}").render(Context())


def test_answers_to_the_sender_have_escapes(post):
    answer = post("order", {"increment_id": ODD, "items": ODD})
    assert not RAW.search(answer.text)
