"""Import of the modules that connect the shop's receivers, when Django starts.

Every process must know the same receivers. A process that imports such a module later records events without calls
before that, and nothing shows it.
"""

from __future__ import annotations

import sys
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
    for path in conf.resolvers():
        with suppress(ImportError):
            import_module(path.rpartition(".")[0])


def modules_of_no_app() -> Iterator[str]:
    """Yield the names of modules `stockhub_receivers` that belong to no installed app, so that Django skips them.

    Looked for among the imported modules and in the package of the project, which after `startproject` is no app.
    """
    imported = {name for name in sys.modules if name == MODULE or name.endswith(f".{MODULE}")}
    beside_urls = f"{conf.root_package()}.{MODULE}" if conf.root_package() else MODULE
    with suppress(ImportError, ValueError):
        if find_spec(beside_urls) is not None:
            imported.add(beside_urls)
    return (name for name in sorted(imported) if apps.get_containing_app_config(name) is None)
