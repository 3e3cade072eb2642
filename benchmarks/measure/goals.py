"""What is to be reached, in the sequence of the table, by the part that measures it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """One row of the table. `what` may name numbers of `Sizes`; without a bound it is there to compare with."""

    part: str
    key: str
    what: str
    at_least: float | None = None
    at_most: float | None = None
    whole: bool = False

    @property
    def text(self):
        """The goal as it is read."""
        bounds = {"≥": self.at_least, "≤": self.at_most}
        return "".join(f"{sign} {bound:g}" for sign, bound in bounds.items() if bound is not None) or "–"

    def shown(self, value):
        """A measured value as it is read."""
        return f"{value:g}" if self.whole else f"{value:.2f}"

    def verdict(self, value):
        """`met` or `missed`; nothing where there is no bound."""
        if self.at_least is None and self.at_most is None:
            return "to compare"
        met = (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)
        return "met" if met else "missed"


GOALS = (
    Goal("answers", "accept_rate", "accept ÷ bare, rate", at_least=1.25),
    Goal("answers", "accept_cpu", "accept ÷ bare, server CPU a message", at_most=0.9),
    Goal("answers", "accept_stripe", "accept ÷ dj-stripe deferred, rate", at_least=3),
    Goal("statements", "accept_statements", "accept, statements", at_most=1, whole=True),
    Goal("answers", "inline_rate", "inline, the whole way of a new order ÷ bare, rate", at_least=0.4),
    Goal("answers", "inline_cpu", "inline ÷ bare, server CPU a message", at_most=2.8),
    Goal("statements", "inline_1", "inline, statements of an order of 1 line", at_most=10, whole=True),
    Goal("statements", "inline_3", "inline, statements of an order of 3 lines", at_most=10, whole=True),
    Goal("statements", "inline_60", "inline, statements of an order of 60 lines", at_most=10, whole=True),
    Goal("statements", "unchanged_order", "unchanged order, statements", at_most=7, whole=True),
    Goal("statements", "stale_order", "stale order, statements", at_most=7, whole=True),
    Goal("statements", "unchanged_other", "unchanged message of another topic, most statements", at_most=9, whole=True),
    Goal("statements", "stale_other", "stale message of another topic, most statements", at_most=9, whole=True),
    Goal("reading", "reading", "reading and validating an order ÷ json.loads", at_most=12),
    Goal("worker", "worker", "worker, messages a second ÷ get_or_create for each row", at_least=3),
    Goal("worker", "two_workers", "two workers ÷ one", at_least=1.7),
    Goal("statements", "told", "being told, one receiver: statements without its own", at_most=4, whole=True),
    Goal("growth", "accept_growth", "accept with {messages:,} messages and their orders ÷ empty, rate", at_least=0.9),
    Goal("growth", "accept_growth_p99", "accept, the same, p99", at_most=1.25),
    Goal("growth", "inline_growth", "inline with {messages:,} messages and their orders ÷ empty, rate", at_least=0.9),
    Goal("growth", "inline_growth_p99", "inline, the same, p99", at_most=1.25),
    Goal("growth", "worker_growth", "worker, messages a second, the same", at_least=0.9),
    Goal("pages", "lists", "admin lists with those rows ÷ nearly empty, the slowest", at_most=2),
    Goal("pages", "search", "search, the same", at_most=2),
    Goal("pages", "office", "overview, worklists, receivers, failures and keys, the same", at_most=2),
    Goal("pages", "story", "order story, the same", at_most=2),
    Goal(
        "backlog", "threads_pages", "pages with {backlog:,} open messages ÷ without, 2 × 4 threads, rate", at_least=0.7
    ),
    Goal("backlog", "threads_p95", "pages, the same, 2 × 4 threads: p95 longer by so many milliseconds", at_most=100),
    Goal("backlog", "threads_done", "pages, the same, 2 × 4 threads: messages worked off a second"),
    Goal("backlog", "sync_pages", "pages with {backlog:,} open messages ÷ without, 2 sync workers, rate", at_least=0.4),
    Goal("backlog", "sync_p95", "pages, the same, 2 sync workers: p95 longer by so many milliseconds", at_most=100),
    Goal("backlog", "sync_done", "pages, the same, 2 sync workers: messages worked off a second"),
    Goal("burst", "burst", "burst of {burst_clients} clients, errors", at_most=0, whole=True),
    Goal(
        "memory", "web_memory", "web worker after {last_requests:,} messages ÷ after {first_requests:,}", at_most=1.05
    ),
    Goal(
        "memory", "worker_memory", "worker, {drained:,} done of {queue:,} waiting ÷ after the first tenth", at_most=1.05
    ),
    Goal("start", "start", "django.setup() with the app ÷ without, DRF in both", at_most=1.15),
    Goal("answers", "drf_rate", "a nested ModelSerializer ÷ bare, rate"),
    Goal("answers", "stripe_deferred_rate", "dj-stripe deferred ÷ bare, rate"),
    Goal("answers", "stripe_rate", "dj-stripe, the whole way of one object ÷ bare, rate"),
    Goal("answers", "anymail_rate", "django-anymail, one tracking event ÷ bare, rate"),
    Goal("reading", "nested_reading", "a nested ModelSerializer, is_valid ÷ json.loads"),
)
