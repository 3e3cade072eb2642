"""System checks of the runner. A runner that fails to load leaves all work to `stockhub_worker`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.apps.config import AppConfig
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - Django's own name

from stockhub_webhooks import runners
from stockhub_webhooks.conf import NAME, conf
from stockhub_webhooks.exceptions import error_location
from stockhub_webhooks.operations.checks import covers_this_app

if TYPE_CHECKING:
    from stockhub_webhooks.runners.queued import QueuedRunner

PROTOCOL = ("after_answer", "wake")
# What each engine's package is, and where it comes from.
PACKAGES = {"celery": ("celery", "Celery"), "tasks": ("django_tasks", "django.tasks (Django 6) or django-tasks")}


@register
def check_runner(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterable[CheckMessage]:
    """Run all checks of the runner."""
    return [message for check in CHECKS for message in check()] if covers_this_app(app_configs) else []


def importable() -> Iterable[CheckMessage]:
    """E005: nobody is woken by what cannot be imported."""
    try:
        runners.named()
    except ImportError as error:
        if not _lacks_package(error):
            yield Error(
                f"{NAME}['RUNNER'] cannot be imported: {error}",
                hint=f"Use one of {', '.join(map(repr, runners.BY_NAME))}, or the dotted path of a class.",
                id="stockhub_webhooks.E005",
            )
    except Exception as error:
        yield Error(
            f"{NAME}['RUNNER'] cannot be imported: {error_location(error)} says {error}",
            hint='With "tasks", the default backend in TASKS must be there, and take the queue "default".',
            id="stockhub_webhooks.E005",
        )


def package() -> Iterable[CheckMessage]:
    """E013: an engine that is not installed carries nothing."""
    try:
        runners.named()
    except ImportError as error:
        if _lacks_package(error):
            yield Error(
                f"{NAME}['RUNNER'] is {conf.RUNNER!r}, and {PACKAGES[conf.RUNNER][1]} is not installed.",
                hint=f'pip install "django-stockhub-webhooks[{conf.RUNNER}]"',
                id="stockhub_webhooks.E013",
            )
    except Exception:
        return  # `importable` says it


def _lacks_package(error: ImportError) -> bool:
    wanted = PACKAGES.get(conf.RUNNER, ("",))[0]
    return bool(wanted) and (error.name or "").partition(".")[0] == wanted


def protocol() -> Iterable[CheckMessage]:
    """E014: the door asks the runner three things."""
    try:
        kind = runners.named()
    except Exception:
        return  # the others say it
    lacks = [name for name in PROTOCOL if not callable(getattr(kind, name, None))]
    if not isinstance(getattr(kind, "applies_in_request", None), bool):
        lacks.append("applies_in_request")
    if lacks or not isinstance(kind, type):
        yield Error(
            f"{NAME}['RUNNER'] names {conf.RUNNER!r}, which is no runner: it lacks {', '.join(lacks) or 'a class'}.",
            hint="Write a class as `stockhub_webhooks.runners.Runner` describes, or subclass one of ours.",
            id="stockhub_webhooks.E014",
        )


def without_engine() -> Iterable[CheckMessage]:
    """W014: an engine that does the work where it is asked to is none; a request would be busy with it."""
    runner = _queued()
    if runner and runner.works_here():
        yield Warning(
            f"{NAME}['RUNNER'] is {conf.RUNNER!r}, but its tasks run at once, in the process of the request.",
            hint=(
                "Name a backend with a worker as the default one in TASKS (such as django-tasks-db), or remove "
                'CELERY_TASK_ALWAYS_EAGER; without an engine, "inline" does the same better.'
            ),
            id="stockhub_webhooks.W014",
        )


def without_app() -> Iterable[CheckMessage]:
    """W015: Celery's app of last resort talks to a broker that is not there."""
    runner = _queued()
    if runner and not runner.has_engine():
        yield Warning(
            f"{NAME}['RUNNER'] is {conf.RUNNER!r}, but this process has no Celery app, so wake-ups go nowhere.",
            hint="Import your Celery app in the __init__.py beside settings.py, as Celery's documentation shows.",
            id="stockhub_webhooks.W015",
        )


def _queued() -> QueuedRunner | None:
    from stockhub_webhooks.runners.queued import QueuedRunner  # imports the worker: not at each start

    try:
        kind = runners.named()
    except Exception:  # `importable` says it
        return None
    return kind() if isinstance(kind, type) and issubclass(kind, QueuedRunner) else None


CHECKS = (importable, package, protocol, without_engine, without_app)
