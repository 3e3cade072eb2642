"""The command `stockhub_simulate`."""

from __future__ import annotations

import argparse
import os
import random
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from stockhub_webhooks.conf import conf
from stockhub_webhooks.management.output import SafeCommand
from stockhub_webhooks.testing.simulator.scenarios import BY_NAME, ORDERS_OF_A_SEED, Plan, Scenario
from stockhub_webhooks.testing.simulator.sending import Target
from stockhub_webhooks.testing.simulator.simulation import Simulation
from stockhub_webhooks.testing.simulator.summary import bar, lines

TEST_ACCOUNT = "test"
ENVIRONMENT = "STOCKHUB_KEY"
SEEDS = 10_000


def positive(kind: type[int] | type[float]) -> Any:
    """Return an argparse type for numbers above zero."""

    def number(text: str) -> float:
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} is not above zero")
        return value

    return number


class Command(SafeCommand):
    """Sends the messages of simulated orders. Exit code 1 if an answer was not as expected."""

    requires_system_checks = []  # the receiver may be another installation
    help = "Play Stock Hub against a receiver over HTTP: whole lives of orders, and what the internet does to them."

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> Any:
        """List the scenarios below the options."""
        scenarios = "\n".join(f"  {name:<14}{scenario.sentence}" for name, scenario in BY_NAME.items())
        options |= {"epilog": f"scenarios:\n{scenarios}", "formatter_class": argparse.RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **options)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the receiver, the scenario, its size and the key."""
        parser.add_argument(
            "url", metavar="URL", help="URL without the topic, such as https://shop.example/api/v1/stockhub/"
        )
        parser.add_argument("scenario", nargs="?", choices=BY_NAME, default="happy", help="scenario (default: happy)")
        parser.add_argument(
            "--orders", type=positive(int), default=10, metavar="N", help="number of orders (default: 10)"
        )
        parser.add_argument("--rate", type=positive(float), metavar="N", help="messages a second (default: no limit)")
        parser.add_argument(
            "--seed", type=positive(int), metavar="N", help="number that repeats the same orders (default: random)"
        )
        parser.add_argument("--concurrency", type=positive(int), metavar="N", help="number of simultaneous messages")
        keys = parser.add_mutually_exclusive_group()
        keys.add_argument("--key", help="the x-api-key; other users of this machine can see it, so prefer --key-file")
        keys.add_argument(
            "--key-file", type=Path, metavar="FILE", help=f"file that holds the key (or set ${ENVIRONMENT})"
        )
        keys.add_argument(
            "--live", action="store_true", help="use the first key of the settings instead of that of the account test"
        )
        parser.add_argument("--yes", action="store_true", help="allow other machines than this one")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the simulation, and print its progress and a summary."""
        scenario = BY_NAME[options["scenario"]]
        target = self.target(options["url"], allowed=options["yes"])
        key = self.key(options)
        if not options["orders"] <= ORDERS_OF_A_SEED:
            raise CommandError(f"--orders: {ORDERS_OF_A_SEED} at most")
        seed = options["seed"] or random.randrange(1, SEEDS)  # nosec B311  # a seed
        plan = scenario.plan(options["orders"], seed, timezone.now())
        self.announce(options, scenario, seed, plan)
        simulation = Simulation(
            target,
            key,
            plan,
            concurrency=options["concurrency"] or scenario.concurrency,
            rate=None if scenario.at_once else options["rate"],
        )
        finished = simulation.run(self.progress)
        self.progress(0, 0)
        self.stdout.write("\n".join(lines(simulation.answers, simulation.seconds)))
        if not finished:
            raise CommandError("stopped", returncode=130)
        if not all(answer.is_as_expected for answer in simulation.answers):
            raise CommandError("not everything was answered as it must be")

    def target(self, url: str, *, allowed: bool) -> Target:
        """Return the target; another machine needs `--yes`, because the simulated orders stay in its database."""
        try:
            target = Target.at(url)
        except ValueError as error:
            raise CommandError(str(error)) from error
        if not target.is_loopback and not allowed:
            raise CommandError(
                f"{target.url.hostname} is not this machine, and made-up orders would be written there: say --yes"
            )
        return target

    def key(self, options: dict[str, Any]) -> str:
        """Return the key from the options, the environment or the settings, in this order."""
        if options["key"]:
            return str(options["key"])
        if options["key_file"]:
            try:
                return str(options["key_file"].read_text(encoding="utf-8").strip())
            except (OSError, UnicodeDecodeError) as error:
                raise CommandError(f"--key-file: it cannot be read ({type(error).__name__})") from error
        accounts = conf.accounts()
        if options["live"]:
            keys = [key for account, keys in accounts.items() if account != TEST_ACCOUNT for key in keys]
        else:
            keys = [os.environ.get(ENVIRONMENT, ""), *accounts.get(TEST_ACCOUNT, ())]
        if found := next(filter(None, keys), ""):
            return found
        raise CommandError(
            f"which key? Say --key-file, ${ENVIRONMENT} or --key, or give the settings an account "
            f"{TEST_ACCOUNT!r}; --live takes the first real key of the settings."
        )

    def announce(self, options: dict[str, Any], scenario: Scenario, seed: int, plan: Plan) -> None:
        """Print what will be sent."""
        dropped = f", {plan.dropped} dropped on purpose" if plan.dropped else ""
        self.stdout.write(f"{options['scenario']}: {scenario.sentence}")
        self.stdout.write(f"orders {options['orders']}, messages {len(plan)}{dropped}, seed {seed}")

    def progress(self, done: int, total: int) -> None:
        """Print a progress bar on a terminal; a total of 0 clears it."""
        if self.stderr.isatty():
            line = bar(done, total) if total else f"{'':60}\r"
            self.stderr.write(f"\r{line}", style_func=str, ending="")
            self.stderr.flush()
