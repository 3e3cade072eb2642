"""The page of the permissions."""

from collections.abc import Iterator

from docs.reference_pages.markdown import HEAD, code, table


def page() -> Iterator[str]:
    """Yield the page of the permissions."""
    from django.apps import apps

    from stockhub_webhooks.office.groups import NOT_IN_A_GROUP

    yield from ("# Permissions", "", HEAD, "")
    yield from (
        "Each is `stockhub_webhooks.` and its code name. The groups are those of `stockhub_groups`; a permission",
        "of no group is given by name. Superusers have all of them.",
        "",
    )
    rows, views = [], []
    for model in sorted(apps.get_app_config("stockhub_webhooks").get_models(), key=lambda each: each.__name__):
        for codename, label in model._meta.permissions:
            rows.append([code(codename), str(label), members(codename)])
        view = f"view_{model._meta.model_name}"
        if "view" in model._meta.default_permissions and view not in NOT_IN_A_GROUP:
            views.append([code(view), f"Can view {model._meta.verbose_name_plural}", members(view)])
    yield from table(["code name", "allows", "groups"], sorted(rows, key=lambda row: row[0].strip("`")))
    yield from ("## To view", "", "Without `view_personal_data`, no page shows who the customers are.")
    yield from table(["code name", "allows", "groups"], views)


def members(codename: str) -> str:
    """Return the ready groups that have a permission."""
    from stockhub_webhooks.office.groups import GROUPS

    return ", ".join(name.removeprefix("Stock Hub: ") for name, names in GROUPS.items() if codename in names) or "-"
