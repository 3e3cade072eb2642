"""Checks of the shop's receivers and resolvers."""

from __future__ import annotations

from collections.abc import Iterable

from django.apps import apps
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name

from stockhub_webhooks import signals
from stockhub_webhooks.conf import NAME, conf
from stockhub_webhooks.delivery import discovery
from stockhub_webhooks.office.host_number import ATTRIBUTE
from stockhub_webhooks.operations.checks.imports import import_error
from stockhub_webhooks.signals.event_signal import place_of


def resolver() -> Iterable[CheckMessage]:
    """E007: `HOST_ORDER_RESOLVER` or `HOST_LINE_RESOLVER` cannot be imported or is not a function."""
    resolvers = {
        "HOST_ORDER_RESOLVER": (conf.HOST_ORDER_RESOLVER, "(po_number, order)"),
        "HOST_LINE_RESOLVER": (conf.HOST_LINE_RESOLVER, "(item, host_order)"),
    }
    for name, (path, arguments) in resolvers.items():
        if error := import_error(path):
            yield Error(
                f"{NAME}[{name!r}] {error}",
                hint=f"Set it to the dotted path of a function {arguments} -> object or None.",
                id="stockhub_webhooks.E007",
            )


def order_number() -> Iterable[CheckMessage]:
    """W053: nothing says what holds the number of the shop's own order, so its parcels and its box stay empty."""
    name = conf.HOST_ORDER_NUMBER
    names = [each for each in (name, ATTRIBUTE) if each]
    if not (name or conf.HOST_ORDER_RESOLVER) or any(
        hasattr(model, each) for model in apps.get_models() for each in names
    ):
        return
    fault = f"is {name!r}, which no model has" if name else "is not set"
    yield Warning(
        f"{NAME}['HOST_ORDER_NUMBER'] {fault}: {{% stockhub_tracking %}} and {{% stockhub_box %}} show nothing for an "
        "order of the shop, and the box in the admin neither.",
        hint="Set it to the attribute or method of your order that holds the number which you give to Stock Hub, such "
        'as "number".',
        id="stockhub_webhooks.W053",
    )


def receivers_of_no_app() -> Iterable[CheckMessage]:
    """E023: a module of receivers that belongs to no installed app. Django imports it in no process, or in some."""
    for name in discovery.modules_of_no_app():
        package = name.rpartition(".")[0]
        yield Error(
            f"The receivers of {name} are not connected: {package or 'its directory'} is no installed app.",
            hint=f"Add {package!r} to INSTALLED_APPS." if package else "Move the file into an installed app.",
            id="stockhub_webhooks.E023",
        )


def shared_identities() -> Iterable[CheckMessage]:
    """W026: two functions with one identity. The ledger would treat their calls as those of one receiver."""
    places: dict[str, set[str]] = {}
    for signal in signals.BY_NAME.values():
        for receiver in signal.connected():
            places.setdefault(receiver.identity, set()).add(receiver.dotted_path)
    for identity, functions in places.items():
        if len(functions) > 1:
            yield Warning(
                f"{' and '.join(sorted(functions))} have the same identity, {identity!r}: while one of them fails for "
                "an order, the other one waits.",
                hint="Give each function its own dispatch_uid.",
                id="stockhub_webhooks.W026",
            )


def imported_twice() -> Iterable[CheckMessage]:
    """W046: a module of receivers that was imported under two names, so that each function is called twice."""
    for name, signal in signals.BY_NAME.items():
        places: dict[tuple[str, str], set[str]] = {}
        for receiver in signal.connected():
            if place := place_of(receiver.function):
                places.setdefault(place, set()).add(receiver.dotted_path)
        for (file, _qualified_name), paths in places.items():
            if len(paths) > 1:
                yield Warning(
                    f"{' and '.join(sorted(paths))} are one function, which is called twice for {name}: {file} is "
                    "imported under two names.",
                    hint="Import it everywhere by the name that INSTALLED_APPS leads to.",
                    id="stockhub_webhooks.W046",
                )


CHECKS = (
    resolver,
    order_number,
    receivers_of_no_app,
    shared_identities,
    imported_twice,
)
