"""The command `stockhub_simulate`."""

from __future__ import annotations

import argparse
import os
import random
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import Error as DatabaseFault
from django.utils import timezone

from stockhub_webhooks.conf import conf
from stockhub_webhooks.management.output import SafeCommand
from stockhub_webhooks.testing.simulator import host_orders
from stockhub_webhooks.testing.simulator.receivers import DONE, Receivers
from stockhub_webhooks.testing.simulator.receivers import lines as lines_of_receivers
from stockhub_webhooks.testing.simulator.scenarios import (
    ACCEPTED,
    BY_NAME,
    ORDERS_OF_A_SEED,
    HostOrder,
    Plan,
    Scenario,
)
from stockhub_webhooks.testing.simulator.sending import Target
from stockhub_webhooks.testing.simulator.simulation import Simulation
from stockhub_webhooks.testing.simulator.summary import bar, lines

TEST_ACCOUNT = "test"
ENVIRONMENT = "STOCKHUB_KEY"
SEEDS = 10_000
ORDERS = 10
RECEIVER_SECONDS = 10
ELSEWHERE = "run this where the receiver's database is, or say --wait 0, which does not look at its receivers"


def positive(kind: type[int] | type[float]) -> Any:
    """Return an argparse type for numbers above zero."""

    def number(text: str) -> float:
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} is not above zero")
        return value

    return number


class Command(SafeCommand):
    """Sends the messages of simulated orders.

    Exit code 1 if an answer was not as expected, or if it looked for what the receivers did and not all is done.
    """

    requires_system_checks = []  # the receiver may be another installation
    help = "Play Stock Hub against a receiver over HTTP: whole lives of orders, and what the internet does to them."

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> Any:
        """List the scenarios below the options."""
        scenarios = "\n".join(f"  {name:<14}{scenario.sentence}" for name, scenario in BY_NAME.items())
        options |= {"epilog": f"scenarios:\n{scenarios}", "formatter_class": argparse.RawDescriptionHelpFormatter}
        parser = super().create_parser(prog_name, subcommand, **options)
        parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]  # the scenario may come last
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the receiver, the scenario, its size and the key."""
        parser.add_argument(
            "url", metavar="URL", help="URL without the topic, such as https://shop.example/api/v1/stockhub/"
        )
        parser.add_argument("scenario", nargs="?", choices=BY_NAME, default="happy", help="scenario (default: happy)")
        parser.add_argument(
            "--orders", type=positive(int), metavar="N", help="number of orders (default: 10, or all of the shop's)"
        )
        sources = parser.add_mutually_exclusive_group()
        sources.add_argument(
            "--orders-from",
            metavar="DOTTED",
            help="function of the shop that yields its orders: pairs of the number and the lines, dicts with sku, "
            "size, qty and item_price_inc_tax",
        )
        sources.add_argument(
            "--po-numbers", type=Path, metavar="FILE", help="file with numbers of the shop's orders, one a line"
        )
        parser.add_argument(
            "--wait",
            type=float,
            metavar="SECONDS",
            help="look up what the receivers did, and wait for them until nothing has changed for so long; 0 does not "
            f"(default: {RECEIVER_SECONDS} with orders of the shop, else 0)",
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
        if (options["orders"] or 0) > ORDERS_OF_A_SEED:
            raise CommandError(f"--orders: {ORDERS_OF_A_SEED} at most")
        seed = options["seed"] or random.randrange(1, SEEDS)  # nosec B311  # a seed
        try:
            orders = self.orders(options)
            plan = scenario.plan(orders, seed, timezone.now())
        except ValueError as error:
            raise CommandError(f"the orders cannot be played: {error}") from error
        self.announce(options, scenario, seed, plan)
        wait = options["wait"] if options["wait"] is not None else 0 if isinstance(orders, int) else RECEIVER_SECONDS
        receivers = self.receivers(plan) if wait > 0 else None
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
        is_accepted = any(answer.status in ACCEPTED for answer in simulation.answers)
        if receivers and is_accepted:
            self.report(receivers, wait)
        if not all(answer.is_as_expected for answer in simulation.answers):
            raise CommandError("not everything was answered as it must be")

    def orders(self, options: dict[str, Any]) -> int | list[HostOrder]:
        """Return the orders of the shop that the options name, or the number of orders to make up.

        Raises:
            ValueError: the shop's orders cannot be read.
        """
        if options["orders_from"]:
            return host_orders.from_function(options["orders_from"], options["orders"])
        if options["po_numbers"]:
            return host_orders.from_file(options["po_numbers"], options["orders"])
        return options["orders"] or ORDERS

    def receivers(self, plan: Plan) -> Receivers:
        """Return the receivers of the shop, whose calls from now on are those of the plan."""
        try:
            return Receivers([life.po_number for life in plan.lives])
        except DatabaseFault as error:
            raise CommandError(f"the receivers cannot be looked up ({type(error).__name__}): {ELSEWHERE}") from error

    def report(self, receivers: Receivers, wait: float) -> None:
        """Wait for the receivers, and print what they did.

        Raises:
            CommandError: not all is done, or nothing was to be done.
        """
        if not receivers.is_receiver_here:
            raise CommandError(f"this database has none of the messages: {ELSEWHERE}")
        receivers.wait(wait)
        results, waiting = receivers.results(), receivers.waiting_messages
        self.stdout.write("\n".join(lines_of_receivers(results, waiting)))
        if not results and not waiting:
            raise CommandError(
                f"no receiver was called: none is connected, or the key is that of the account {TEST_ACCOUNT!r}, of "
                "which receivers hear only if they are connected with test=True"
            )
        if waiting or any(result != DONE for result, _receiver, _error in results):
            raise CommandError("not every receiver is done")

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
        self.stdout.write(f"orders {len(plan.lives)}, messages {len(plan)}{dropped}, seed {seed}")

    def progress(self, done: int, total: int) -> None:
        """Print a progress bar on a terminal; a total of 0 clears it."""
        if self.stderr.isatty():
            line = bar(done, total) if total else f"{'':60}\r"
            self.stderr.write(f"\r{line}", style_func=str, ending="")
            self.stderr.flush()
