"""Import of the modules that connect the shop's receivers, when Django starts.

Every process must know the same receivers. A process that imports such a module later records events without receiver
calls until then, and nothing shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec

from django.apps import apps
from django.utils.module_loading import autodiscover_modules

from stockhub_webhooks.conf import conf

MODULE = "stockhub_receivers"


def import_receivers() -> None:
    """Import `stockhub_receivers` of each installed app, and the module of each resolver.

    A resolver that cannot be imported is for the system checks to report.
    """
    autodiscover_modules(MODULE)
    for name in _modules_of_resolvers():
        with suppress(ImportError):
            import_module(name)


def modules_of_no_app() -> Iterator[str]:
    """Yield the names of modules `stockhub_receivers` that belong to no installed app, so that Django skips them.

    They are looked for beside the project's URLs, where `startproject` suggests to put them, and beside the resolvers.
    """
    package = conf.root_package()
    names = {f"{package}.{MODULE}" if package else MODULE, *_modules_of_resolvers()}
    for name in sorted(names):
        is_named_so = name.rpartition(".")[2] == MODULE
        if is_named_so and _exists(name) and apps.get_containing_app_config(name) is None:
            yield name


def _modules_of_resolvers() -> list[str]:
    return [module for path in conf.resolvers() if (module := path.rpartition(".")[0])]


def _exists(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False
