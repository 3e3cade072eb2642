"""Facts about one purchase, read in a constant number of queries, without text or HTML.

``purchase`` collects the documents, ``lines`` counts pieces, ``steps`` computes the progress, ``amounts`` checks the
sums, ``refunds`` guesses the return of a credit note, ``timeline`` lists the messages and deadlines, and ``parcels``
holds only data that the customer may see.
"""

from stockhub_webhooks.office.story.amounts import Sum, Term, has_amounts, sum_of
from stockhub_webhooks.office.story.parcels import OutboundParcel, carrier_name, parcels
from stockhub_webhooks.office.story.purchase import PurchaseStory, of_number, read
from stockhub_webhooks.office.story.refunds import Probable, Returns
from stockhub_webhooks.office.story.steps import Lost, StepState, StoryStep, lost_pieces, steps_of
from stockhub_webhooks.office.story.timeline import MessageEntry, Tasks, Timeline, deadlines_of, tasks_of
from stockhub_webhooks.purchases.quantities import Quantities, lines_of, total_of

__all__ = [
    "Lost",
    "MessageEntry",
    "OutboundParcel",
    "Probable",
    "PurchaseStory",
    "Quantities",
    "Returns",
    "StepState",
    "StoryStep",
    "Sum",
    "Tasks",
    "Term",
    "Timeline",
    "carrier_name",
    "deadlines_of",
    "has_amounts",
    "lines_of",
    "lost_pieces",
    "of_number",
    "parcels",
    "read",
    "steps_of",
    "sum_of",
    "tasks_of",
    "total_of",
]
