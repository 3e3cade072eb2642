"""Ready groups of users: who may see and do what. The command `stockhub_groups` makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import transaction

from stockhub_webhooks.office.access import APP_LABEL

_DOCUMENTS = frozenset(
    f"view_{name}" for name in ("order", "shipment", "invoice", "rma", "creditmemo", "paymentrequest")
)
_RESULTS = frozenset({"view_figures", "view_worklistrow", "export_worklist"})  # these files have no customers
_DAILY = (
    _DOCUMENTS
    | {"view_figures", "view_worklistrow", "write_note"}
    | {f"view_{name}" for name in ("message", "event", "receivercall", "refusedbody", "hostlink", "missingline")}
    | {f"view_{name}" for name in ("replay", "bulkrequest", "pull", "note", "mutedsender", "erasure")}
)
_OPERATION = frozenset(f"view_{name}" for name in ("alarm", "drift", "heartbeat", "refusal"))
_AGAIN = frozenset({"try_again", "give_up", "process_again", "look_again", "enter_by_hand", "reconcile", "release"})
_SETTLE = frozenset({"dismiss", "dismiss_refused", "dismiss_worklist_row"})

# name of the group: code names of its permissions
GROUPS: Mapping[str, frozenset[str]] = {
    "Stock Hub: office": (_DAILY | _RESULTS | _AGAIN | _SETTLE | {"view_alarm", "view_personal_data", "view_person"}),
    "Stock Hub: bookkeeper": _DOCUMENTS | _RESULTS | {"export"},  # sees no customers
    "Stock Hub: developer": (  # sees no customers
        _DAILY | _OPERATION | _AGAIN | _SETTLE | {"reassign", "pause_receiver", "view_exportrequest"}
    ),
}

# Permissions that no group has: one whose effect cannot be undone, to be given by name, and rows without a page of
# their own, which are shown on the pages of others.
NOT_IN_A_GROUP: frozenset[str] = frozenset({"erase_person"}) | {
    f"view_{name}"
    for name in (
        "address",
        "attempt",
        "backlogturn",
        "bookedpurchase",
        "booking",
        "creditmemoitem",
        "finishedstep",
        "invoiceitem",
        "lock",
        "mentionednumber",
        "orderitem",
        "paymentrequestitem",
        "rmaitem",
        "shipmentitem",
        "siteaddress",
        "track",
        "worklistprogress",
    )
}


@dataclass(frozen=True)
class GroupChange:
    """What was changed of a group: code names of permissions that were added and removed."""

    name: str
    is_new: bool
    added: list[str]
    removed: list[str]


def make_groups(*, dry_run: bool = False) -> list[GroupChange]:
    """Make the groups, or give existing ones of these names exactly our permissions of `GROUPS`.

    Permissions of other apps stay as they are, and so do the members.

    Args:
        dry_run: True to change nothing.

    Raises:
        LookupError: `django.contrib.auth` is not installed, or a permission is not in the database.
    """
    group_model: Any = apps.get_model("auth", "Group")
    permission_model: Any = apps.get_model("auth", "Permission")
    rows = permission_model.objects.filter(content_type__app_label=APP_LABEL)
    known = {row.codename: row for row in rows}
    if missing := sorted(set().union(*GROUPS.values()) - known.keys()):
        raise LookupError(f"these permissions are not in the database: {', '.join(missing)}")
    changes = []
    with transaction.atomic(using=group_model.objects.db):
        for name, wanted in GROUPS.items():
            group = group_model.objects.filter(name=name).first()
            present = _own_permissions(group) if group else set()
            change = GroupChange(name, group is None, sorted(wanted - present), sorted(present - wanted))
            changes.append(change)
            if not dry_run:
                group = group or group_model.objects.create(name=name)
                group.permissions.add(*(known[code] for code in change.added))
                group.permissions.remove(*(known[code] for code in change.removed))
    return changes


def _own_permissions(group: Any) -> set[str]:
    own = group.permissions.filter(content_type__app_label=APP_LABEL)
    return set(own.values_list("codename", flat=True))
