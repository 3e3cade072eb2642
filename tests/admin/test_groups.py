"""The ready groups: who sees and does what, as docs/guides/back-office.md says, found by walking all pages."""

from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from stockhub_webhooks.models import Message, ReceiverCall
from stockhub_webhooks.office.groups import GROUPS, NOT_IN_A_GROUP, make_groups
from tests.security.pages import APP, NAMES, addresses, admins
from tests.security.test_personal_data import canaries
from tests.security.test_users_and_pages import DJANGOS_OWN, question, seen, title

__all__ = ["canaries"]

pytestmark = pytest.mark.django_db(databases="__all__")

FILE = Path(__file__).parents[2] / "docs" / "guides" / "back-office.md"
BEGIN, END = "<!-- groups: held by tests/admin/test_groups.py -->\n", "<!-- end of groups -->\n"
WORDS = {"no": "-", "yes": "sees", "persons": "customers"}
# allowed by no permission of ours alone: nobody adds, changes or deletes rows
READ_ONLY = ("add_", "change_", "delete_")
# what is started by buttons that no list has among its actions
PRESSED_ELSEWHERE = (
    "reassign", "pause_receiver", "enter_by_hand", "reconcile", "write_note", "export", "export_worklist",
)  # fmt: skip


def own_permissions():
    """Return the code names of all our permissions that allow something."""
    rows = Permission.objects.filter(content_type__app_label=APP).values_list("codename", flat=True)
    return {name for name in rows if not name.startswith(READ_ONLY)}


def test_each_permission_is_in_a_group_or_said_to_be_in_none():
    in_groups = set().union(*GROUPS.values())
    assert in_groups | NOT_IN_A_GROUP == own_permissions()
    assert not in_groups & NOT_IN_A_GROUP


def test_groups_are_made_once_and_updated():
    assert all(change.is_new for change in make_groups())
    assert not any(change.is_new or change.added or change.removed for change in make_groups())
    office = Group.objects.get(name="Stock Hub: office")
    foreign = Permission.objects.get(codename="view_user")
    office.permissions.add(foreign, Permission.objects.get(codename="export"))
    office.permissions.remove(Permission.objects.get(codename="release"))
    (change,) = [change for change in make_groups() if change.added or change.removed]
    assert (change.name, change.added, change.removed) == (office.name, ["release"], ["export"])
    assert foreign in office.permissions.all()
    assert Group.objects.count() == 3


def test_dry_run_of_the_command_changes_nothing(capsys):
    call_command("stockhub_groups", dry_run=True)
    assert "+view_order" in capsys.readouterr().out
    assert not Group.objects.exists()
    call_command("stockhub_groups")
    assert Group.objects.count() == 3


def test_command_says_that_the_permissions_are_not_there_yet():
    Permission.objects.filter(codename="release").delete()
    with pytest.raises(CommandError, match="release"):
        call_command("stockhub_groups")
    assert not Group.objects.exists()


def test_developers_and_bookkeepers_see_no_customers():
    assert [name for name, permissions in GROUPS.items() if "view_personal_data" in permissions] == [
        "Stock Hub: office"
    ]


# ---------------------------------------------------------------- who sees and does what


@pytest.fixture
def users(django_user_model):
    """Return a client for nobody, for a member of each group, and for a superuser."""
    make_groups()
    clients = {}
    for name in ("nobody", *GROUPS, "superuser"):
        user = django_user_model.objects.create_user(
            name, password="secret", is_staff=True, is_superuser=name == "superuser"
        )
        user.groups.set(Group.objects.filter(name=name))
        clients[name] = Client()
        clients[name].force_login(user)
    return clients


def pages():
    """Yield name and address of each page."""
    yield "overview", reverse("admin:app_list", args=[APP])
    for name in NAMES:
        if not name.endswith(DJANGOS_OWN):
            short = name.removeprefix(f"{APP}_")
            yield title(short), addresses(name)[0] + question(short)


def actions():
    """Yield each action of a list with its admin."""
    for each in admins():
        yield from ((f"*{action.replace('_', ' ')}* ({each.opts.verbose_name_plural})", each, action)
                    for action in each.actions or ())  # fmt: skip


def table(rows):
    """Return rows of cells as Markdown; rows with the same cells are one."""
    by_cells = {}
    for name, cells in rows:
        by_cells.setdefault(cells, {})[name] = None
    heads = ("page or action", "nobody", *(name.partition(": ")[2] for name in GROUPS), "superuser")
    lines = ["| " + " | ".join(heads) + " |", "| " + " | ".join("---" for _ in heads) + " |"]
    return "\n".join([*lines, *(f"| {', '.join(names)} | {' | '.join(cells)} |" for cells, names in by_cells.items())])


def test_table_of_groups_is_that_of_the_documentation(canaries, users, settings, rf):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100_000
    rows = [(name, tuple(WORDS[seen(http, address)] for http in users.values())) for name, address in pages()]
    by_name = {user.username: user for user in apps.get_model("auth", "User").objects.all()}
    for name, page, action in actions():
        cells = []
        for user in users:
            request = rf.get("/")
            request.user = by_name[user]
            is_offered = page.has_view_permission(request) and action in page.get_actions(request)
            cells.append("does" if is_offered else "-")
        rows.append((name, tuple(cells)))
    for permission in PRESSED_ELSEWHERE:
        may = ("does" if by_name[user].has_perm(f"{APP}.{permission}") else "-" for user in users)
        rows.append((f"*{permission.replace('_', ' ')}*", tuple(may)))
    found = FILE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert found.strip() == table(rows).strip()


def test_outsiders_start_nothing_and_members_only_what_the_table_says(canaries, users, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100_000
    ReceiverCall.objects.update(status="given_up", due_at=None)
    for who, allowed in (("nobody", False), ("Stock Hub: bookkeeper", False), ("Stock Hub: office", True)):
        data = {"action": "try_again", "_selected_action": [ReceiverCall.objects.first().pk]}
        answer = users[who].post(reverse(f"admin:{APP}_receivercall_changelist"), data)
        assert (answer.status_code == 302 and answer["location"].endswith("/confirm/")) is allowed, who
        data = {"action": "process_again", "_selected_action": [Message.objects.first().pk]}
        answer = users[who].post(reverse(f"admin:{APP}_message_changelist"), data)
        assert (answer.status_code == 302 and "replay/new" in answer["location"]) is allowed, who
