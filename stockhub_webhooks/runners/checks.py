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
# runner to the module of its engine and the name of its package
PACKAGES = {"celery": ("celery", "Celery"), "tasks": ("django_tasks", "django.tasks (Django 6) or django-tasks")}


@register
def check_runner(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterable[CheckMessage]:
    """Run all checks of the runner."""
    return [message for check in CHECKS for message in check()] if covers_this_app(app_configs) else []


def importable() -> Iterable[CheckMessage]:
    """E005: the runner cannot be imported."""
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
            f"{NAME}['RUNNER'] cannot be imported: {error_location(error)}: {error}",
            hint='The runner "tasks" needs a default backend in TASKS that accepts the queue "default".',
            id="stockhub_webhooks.E005",
        )


def package() -> Iterable[CheckMessage]:
    """E013: the package of the engine is not installed."""
    try:
        runners.named()
    except ImportError as error:
        if _lacks_package(error):
            yield Error(
                f"{NAME}['RUNNER'] is {conf.RUNNER!r}, but {PACKAGES[conf.RUNNER][1]} is not installed.",
                hint=f'pip install "django-stockhub-webhooks[{conf.RUNNER}]"',
                id="stockhub_webhooks.E013",
            )
    except Exception:
        return  # reported by `importable`


def _lacks_package(error: ImportError) -> bool:
    module = PACKAGES.get(conf.RUNNER, ("",))[0]
    return bool(module) and (error.name or "").partition(".")[0] == module


def protocol() -> Iterable[CheckMessage]:
    """E014: the class lacks an attribute of `Runner`."""
    try:
        runner = runners.named()
    except Exception:
        return  # reported by `importable` or `package`
    missing = [name for name in PROTOCOL if not callable(getattr(runner, name, None))]
    if not isinstance(getattr(runner, "applies_in_request", None), bool):
        missing.append("applies_in_request")
    if missing or not isinstance(runner, type):
        reason = f"it lacks {', '.join(missing)}" if missing else "it is not a class"
        yield Error(
            f"{NAME}['RUNNER'] names {conf.RUNNER!r}, which is not a runner: {reason}.",
            hint="Write a class that follows the protocol `stockhub_webhooks.runners.Runner`.",
            id="stockhub_webhooks.E014",
        )


def without_engine() -> Iterable[CheckMessage]:
    """W014: the tasks run in the process that enqueues them, so the request waits for the work."""
    runner = _queued()
    if runner and runner.works_here():
        yield Warning(
            f"{NAME}['RUNNER'] is {conf.RUNNER!r}, but its tasks run at once, in the process of the request.",
            hint=(
                "Use a default backend with a worker in TASKS (such as django-tasks-db), or remove "
                'CELERY_TASK_ALWAYS_EAGER. To work without an engine, use the runner "inline".'
            ),
            id="stockhub_webhooks.W014",
        )


def without_app() -> Iterable[CheckMessage]:
    """W015: no Celery app. Celery then falls back to a default app whose broker usually does not exist."""
    runner = _queued()
    if runner and not runner.has_engine():
        yield Warning(
            f"{NAME}['RUNNER'] is {conf.RUNNER!r}, but this process has no Celery app, so wake-ups reach no worker.",
            hint="Import your Celery app in the __init__.py beside settings.py, as Celery's documentation shows.",
            id="stockhub_webhooks.W015",
        )


def _queued() -> QueuedRunner | None:
    from stockhub_webhooks.runners.queued import QueuedRunner  # it imports the worker, which slows the start

    try:
        runner = runners.named()
    except Exception:  # reported by `importable`
        return None
    return runner() if isinstance(runner, type) and issubclass(runner, QueuedRunner) else None


CHECKS = (importable, package, protocol, without_engine, without_app)
