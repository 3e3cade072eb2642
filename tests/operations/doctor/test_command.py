"""The command: its output, its language and its exit code."""

import io
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command

from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import NOW
from stockhub_webhooks.models import Heartbeat
from stockhub_webhooks.operations.doctor import keys, support_message
from stockhub_webhooks.operations.doctor.findings import Section
from tests.conftest import KEY
from tests.operations.doctor.conftest import PREFIX

pytestmark = pytest.mark.django_db(transaction=True)
INSTALL = (Path(__file__).resolve().parents[3] / "docs" / "guides" / "install.md").read_text(encoding="utf-8")


def run(*arguments):
    """Return the output of the command, and its exit code."""
    out = io.StringIO()
    try:
        call_command("stockhub_doctor", *arguments, stdout=out)
    except SystemExit as end:
        return out.getvalue(), end.code
    return out.getvalue(), 0


@pytest.fixture
def well(settings, tmp_path, hear):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"default": KEY, "test": f"test-{KEY}"}, "SPOOL_DIR": tmp_path}
    tmp_path.chmod(0o700)
    hear(signals.order_created, uid="shop.orders")
    Heartbeat.objects.create(name="worker", beat_at=NOW)


def test_exit_code_is_0_if_all_is_well(well):
    said, code = run()
    assert code == 0
    assert "  !" not in said


def test_exit_code_is_1_for_warnings_and_2_for_problems(well, settings):
    settings.STOCKHUB_WEBHOOKS |= {"SPOOL_DIR": ""}
    said, code = run()
    assert code == 1
    assert re.findall(r"^  (!+) .*\((\w+)\)$", said, re.MULTILINE) == [("!", "W004")]
    settings.STOCKHUB_WEBHOOKS |= {"API_KEYS": ""}
    said, code = run()
    assert code == 2
    assert set(re.findall(r"^  (!+) .*\((\w+)\)$", said, re.MULTILINE)) >= {("!!", "E003"), ("!", "W004")}
    hints = {message.id.rpartition(".")[2]: message.hint for message in run_checks()}
    assert said.index(f"1. {hints['E003']}") < said.index(hints["W004"])


def test_mail_equals_that_of_the_guide():
    assert f"```text\n{support_message.activation(PREFIX)}\n```" in INSTALL


@pytest.mark.parametrize(("language", "greeting"), [("en", "Dear Winkelstraat,"), ("nl", "Beste Winkelstraat,")])
def test_mail_has_six_addresses_and_no_key(well, ours, language, greeting):
    said, code = run("--url", "https://my.example/", "--language", language)
    assert code == 0
    mail = said[said.index(greeting) :]
    assert re.findall(r"(https://my.example/api/v1/stockhub/\S+)", mail) == [
        f"https://my.example/api/v1/stockhub/{topic}" for topic in topics.ALL
    ]
    assert KEY not in said
    assert len(re.findall(r"^    \d\. .*\?$", mail, re.MULTILINE)) == 4


def test_shop_below_a_path_of_the_server_is_found(well, ours):
    def below(url):
        path = urlsplit(url).path.removeprefix("/winkel")
        return ours("GET", f"https://shop.example{path}")

    for ending in ("health", *topics.ALL, ""):
        ours.instead["GET", f"/winkel/api/v1/stockhub/{ending}"] = below
    ours.instead["GET", "/winkel/api/v1/stockhub"] = below
    said, _code = run("--url", "https://my.example/winkel", "--live")
    assert "https://my.example/winkel/api/v1/stockhub/order" in said
    assert "https://my.example/winkel/order" not in said


def test_no_mail_with_addresses_that_do_not_lead_here(well, ours):
    said, code = run("--url", "https://my.example/somewhere/else/")
    assert code == 2
    assert "https://my.example/somewhere/else/order" not in said
    assert "Winkelstraat," not in said


def test_mail_without_an_address_has_a_placeholder(well):
    assert f"{PREFIX}creditmemo" in run()[0]


def test_live_announces_what_it_does_before_it_does_it(well, ours):
    said, code = run("--url", "https://my.example/", "--live")
    assert code == 0
    examined = re.search(r"^  ok .*https://my\.example/", said, re.MULTILINE)
    assert said.index(" default") < examined.start()
    assert {method for method, *_ in ours.asked} == {"GET"}


def test_live_without_an_address_is_an_error(well):
    with pytest.raises(CommandError, match="--url"):
        run("--live")


def test_invalid_address_is_an_error_before_any_examination(well):
    with pytest.raises(CommandError, match="https://"):
        run("--url", "shop.example")


def test_new_key_is_printed_once_and_not_stored(well, caplog):
    caplog.set_level(0)
    said, _ = run("--new-key")
    (key,) = re.findall(r"^  ([\w-]{43})$", said, re.MULTILINE)
    assert said.count(key) == 1
    assert key not in caplog.text
    assert '"API_KEYS": [os.environ["STOCKHUB_OLD_API_KEY"], os.environ["STOCKHUB_API_KEY"]]' in said
    assert run("--new-key")[0].count(key) == 0


def test_first_key_has_instructions_for_the_settings(settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"test": KEY}}
    said = "\n".join(keys.lines())
    assert '"API_KEYS": os.environ["STOCKHUB_API_KEY"]' in said
    assert "OLD" not in said


def test_new_key_never_begins_with_a_dash(monkeypatch):
    made = iter(["-begins-badly", "_and-so-does-this", "begins-well"])
    monkeypatch.setattr(keys.secrets, "token_urlsafe", lambda size: next(made))
    assert keys.new_key() == "begins-well"


def test_section_without_findings_has_a_dash():
    from stockhub_webhooks.operations.doctor import findings_text

    assert list(findings_text.lines(Section("Messages", []))) == ["Messages:", "  -", ""]


@pytest.mark.server
def test_real_server_has_no_problems(shop, tmp_path):
    shop.environment["SHOP_TEST_KEY"] = f"test-{KEY}"
    (tmp_path / "spool").mkdir(mode=0o700)
    shop.environment["SHOP_SPOOL_DIR"] = str(tmp_path / "spool")
    shop.worker("--once")
    with shop.serve() as there:
        said = shop.run("-m", "django", "stockhub_doctor", "--url", f"http://{there}/", code=shop_code())
    assert KEY not in said + shop.log()
    said = shop.run("-m", "django", "stockhub_doctor", "--url", f"http://{there}/", code=2)
    # whole and in chunks
    assert shop.query("[[m.is_test, m.outcome] for m in Message.objects.order_by('pk')]") == [
        [True, "created"],
        [True, "unchanged"],
    ]


def shop_code():
    """Return the exit code: the shop's SQLite file has no WAL, which is a warning."""
    from django.db import connection

    return 1 if connection.vendor == "sqlite" else 0
