"""Whether the office waits longer where the tables are large."""

from benchmarks.measure.findings import Findings
from benchmarks.measure.rounds import ratio, take_turns

LISTS = ("message", "order", "shipment", "invoice", "rma", "creditmemo", "event", "receivercall")
# a number, a reference and a name that both databases have
PAGES = {
    "lists": [
        *(f"{name}/" for name in LISTS),
        *(f"{name}/?p=2" for name in ("message", "order", "event")),
        "message/?status__exact=applied",
        "receivercall/?status__exact=done",
        "order/?created_at_from=2022-01-01&created_at_to=2022-01-01",
    ],
    "search": [
        *(f"{name}/?q=7" for name in LISTS),
        *(
            f"order/find/?q={text}"
            for text in ("000000007", "SHOP-7", "1Z00000000000007", "klant7@example.com", "Klant7")
        ),
    ],
    "office": [
        "",
        "worklistrow/",
        "hostlink/",
        "refusedbody/",
        "message/keys/",
        "receivercall/receivers/",
        "receivercall/failures/",
        "order/figures/?first=2022-01-01&last=2022-01-31",
    ],
    "story": ["order/7/story/", "order/7/change/", "message/7/change/"],
}


def measure(bench):
    """Each page of both databases in turns; a row is its slowest page's ratio."""
    few, many = bench.sizes.nearly_empty, bench.sizes.messages
    runs, ratios = {}, {}
    with bench.talk("pages", bench.filled(few)) as small, bench.talk("pages", bench.filled(many)) as large:
        for page in (page for pages in PAGES.values() for page in pages):
            contestants = {
                "few": lambda page=page: small.ask(page=page),
                "many": lambda page=page: large.ask(page=page),
            }
            take_turns(contestants, 1, page)
            runs[page] = take_turns(contestants, 2 * bench.sizes.rounds + 1, page)
            ratios[page] = ratio(runs[page], "many", "few", "milliseconds")
    slowest = {row: max(pages, key=ratios.get) for row, pages in PAGES.items()}
    return Findings(
        values={row: ratios[page] for row, page in slowest.items()},
        runs=runs,
        notes=[f"{row}: the page whose time grew most is {page}" for row, page in slowest.items()],
    )
