"""Test the translations of the admin, English and Dutch."""

import ast
import re
from pathlib import Path

import polib
import pytest
from django.utils import translation
from django.utils.translation.template import templatize

import stockhub_webhooks
from stockhub_webhooks.admin import labels
from stockhub_webhooks.admin.message import MessageAdmin
from stockhub_webhooks.admin.receiver_call import ReceiverCallAdmin
from stockhub_webhooks.models import RMA, CreditMemo, Event, Message, Order, ReceiverCall, Shipment

PACKAGE = Path(stockhub_webhooks.__file__).parent
CATALOGUE = PACKAGE / "locale/nl/LC_MESSAGES/django"
PLAIN = {"_", "gettext", "gettext_lazy", "gettext_noop"}
CONTEXT = {"pgettext", "pgettext_lazy"}
PLURAL = {"ngettext", "ngettext_lazy"}

LABELS = [
    (lambda: Message._meta.verbose_name, "message from Stock Hub", "bericht van Stock Hub"),
    (lambda: ReceiverCall._meta.verbose_name, "task for our shop", "taak voor onze winkel"),
    (lambda: Event._meta.verbose_name, "change", "wijziging"),
    (lambda: Message.Status.QUARANTINED.label, "needs a look", "nakijken"),
    (lambda: ReceiverCall.Status.GIVEN_UP.label, "given up", "opgegeven"),
    (lambda: Message.Outcome.STALE.label, "older than what we have", "achterhaald"),
    (lambda: Message.Outcome.UNCHANGED.label, "nothing new", "niets nieuws"),
    (lambda: labels.NOT_RECEIVED_YET, "order not received yet", "bestelling nog niet ontvangen"),
    (lambda: MessageAdmin.process_again.short_description, "process again", "opnieuw verwerken"),
    (lambda: ReceiverCallAdmin.try_again.short_description, "try again", "opnieuw proberen"),
    (lambda: Shipment._meta.verbose_name, "shipment", "zending"),
    (lambda: RMA._meta.verbose_name, "return", "retour"),
    (lambda: CreditMemo._meta.verbose_name, "credit note", "creditnota"),
    (lambda: Order._meta.get_field("po_number").verbose_name, "our order number", "ons ordernummer"),
    (lambda: Order._meta.get_field("increment_id").verbose_name, "Stock Hub number", "Stock Hub-nummer"),
]


CALL_IN_TEMPLATE = re.compile(r"""(?:gettext|_)\(u?(?P<quote>["'])(?P<text>.*?)(?P=quote)[,)]""")


def in_templates():
    """Yield the same from the templates, which Django turns into Python for gettext."""
    for path in (PACKAGE / "templates").rglob("*.*"):
        for call in CALL_IN_TEMPLATE.finditer(templatize(path.read_text())):
            yield "", ast.literal_eval(call["quote"] + call["text"] + call["quote"])


def in_source():
    """Return context and text of every translatable string of the package."""
    yield from in_templates()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                texts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
                if node.func.id in PLAIN and texts:
                    yield "", texts[0]
                elif node.func.id in CONTEXT:
                    yield texts[0], texts[1]
                elif node.func.id in PLURAL:
                    yield "", texts[0]


def key(entry):
    return entry.msgctxt or "", entry.msgid


@pytest.fixture
def dutch():
    return polib.pofile(f"{CATALOGUE}.po")


def test_every_text_of_the_package_has_a_dutch_one_and_none_is_left_over(dutch):
    translated = {key(entry) for entry in dutch if entry.translated()}
    wanted = set(in_source())
    assert len(wanted) > 200
    assert wanted - translated == set()
    assert {key(entry) for entry in dutch} - wanted == set()


def test_the_compiled_catalogue_is_that_of_the_source(dutch):
    def all_of(catalogue):
        return {key(entry): (entry.msgstr, entry.msgstr_plural) for entry in catalogue}

    assert all_of(polib.mofile(f"{CATALOGUE}.mo")) == all_of(dutch)


def test_placeholders_are_kept(dutch):
    for entry in dutch:
        for text in [entry.msgstr, *entry.msgstr_plural.values()]:
            for name in ("%(count)d", "%(detail)s"):
                assert not text or (name in entry.msgid) == (name in text)


@pytest.mark.parametrize(("label", "english", "dutch"), LABELS, ids=[label[1] for label in LABELS])
def test_the_fixed_labels_hold(label, english, dutch):
    with translation.override("en"):
        assert str(label()) == english
    with translation.override("nl"):
        assert str(label()) == dutch


def test_delivered_is_said_of_parcels_only(dutch):
    said = {entry.msgid for entry in dutch if "bezorgd" in entry.msgstr}
    assert said == {"delivered", "delivered at", "shipment delivered"}
