"""Invented customers, articles and a warehouse.

They cannot belong to real people: e-mail addresses are at example.com (RFC 2606), postcodes end in letters that are not
in use, and telephone numbers are in ranges that are never assigned.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple


class Article(NamedTuple):
    """An article; `cents` is its price, VAT included."""

    sku: str
    parent_sku: str
    manufacturer: str
    size: str
    mpn: str
    color: str
    cents: int

    def body(self) -> dict[str, Any]:
        """Return the fields that the lines of all topics have."""
        return {name: getattr(self, name) for name in ("sku", "parent_sku", "manufacturer", "size", "mpn")}


class SampleLine(NamedTuple):
    """An article with a number of pieces."""

    article: Article
    quantity: int

    @property
    def cents(self) -> int:
        """The price of all pieces."""
        return self.article.cents * self.quantity


def _customer(number: int, name: tuple[str, str], where: tuple[str, str, str, str], **more: str) -> dict[str, Any]:
    first, last = name
    street, house_number, postcode, city = where
    return {
        "first_name": first,
        "last_name": last,
        "email": f"klant{number}@example.com",
        "telephone": f"+316000000{number}",
        "street": street,
        "house_number": house_number,
        "postcode": postcode,
        "city": city,
        "region_code": None,
        "country_id": "NL",
        "company_name": None,
        **more,
    }


BELGIAN = {"country_id": "BE", "telephone": "+3200000018"}
CUSTOMERS = (
    _customer(11, ("Sanne", "de Voorbeeld"), ("Keizersgracht", "999B", "1015ZZ", "Amsterdam")),
    _customer(12, ("Piet", "Testman"), ("Voorbeeldlaan", "7", "1234ZZ", "Teststad")),
    _customer(13, ("Noor", "van der Proef"), ("Oudegracht", "412 bis A", "3511ZZ", "Utrecht")),
    _customer(14, ("Mehmet", "Yılmazoğlu-Proef"), ("Schiekade", "830-3", "3032ZZ", "Rotterdam")),
    _customer(15, ("Joëlle", "'t Hoen"), ("Lange Voorhout", "901 hs", "2514ZZ", "'s-Gravenhage")),
    _customer(16, ("Bram", "ter Steekproef"), ("Grote Markt", "77 A-II", "9712ZZ", "Groningen")),
    _customer(
        17,
        ("Fenna", "Bakker-Fictief"),
        ("Industrieweg", "3 unit 12", "5651ZZ", "Eindhoven"),
        company_name="Fictief & Zn. B.V.",
    ),
    _customer(18, ("Lotte", "Peeters-Proef"), ("Meir", "498 bus 2", "2000", "Antwerpen"), **BELGIAN),
)
WAREHOUSE = {
    "email": "magazijn@example.com",
    "telephone": "+31200000007",
    "street": "Havenweg",
    "house_number": "12",
    "postcode": "3089ZZ",
    "city": "Rotterdam",
    "region_code": None,
    "country_id": "NL",
    "company_name": "Voorbeeld Logistiek B.V.",
}


ARTICLES = tuple(
    Article(f"wsnl100-5f2c7a90b1de4c33{number:08x}", parent_sku, brand, size, f"MPN{number:05}", color, cents)
    for number, (parent_sku, brand, size, color, cents) in enumerate(
        (
            ("100217", "Voorbeeldmerk", "42", "Zwart", 14990),
            ("100217", "Voorbeeldmerk", "43", "Zwart", 14990),
            ("100981", "Voorbeeldmerk", "OS", "Grijs", 3995),
            ("101344", "Maison Fictif", "S", "Ecru", 11333),
            ("101344", "Maison Fictif", "L", "Ecru", 11333),
            ("102001", "Proef & Co", "W32/L34", "Indigo", 8999),
            ("102377", "Proef & Co", "XL", "Wit", 1999),
            ("103500", "Atelier Steek", "38⅔", "Cognac", 20000),
        ),
        start=101,
    )
)


PIECES = ("qty", "qty_ordered")
PRICE = "item_price_inc_tax"
DEFAULTS = {"parent_sku": "", "manufacturer": "Voorbeeldmerk", "size": "OS", "mpn": "", "color": "Zwart"}
LINE_FIELDS = {"sku", *DEFAULTS, *PIECES, PRICE, "row_total_inc_tax"}


def line_of(item: Mapping[str, Any]) -> SampleLine:
    """Return the line of an order that a shop names by the fields of a message; all but `sku` have a default.

    Args:
        item: `sku`, `size`, `qty` or `qty_ordered` (1), `item_price_inc_tax` (10.00), `parent_sku`, `manufacturer`,
            `mpn` and `color`. The total of the row is computed.

    Raises:
        ValueError: `sku` is missing, a field is unknown, or the pieces are no whole number above zero.
    """
    if not item.get("sku") or item.keys() - LINE_FIELDS:
        known = ", ".join(sorted(LINE_FIELDS))
        raise ValueError(f"a line needs a sku, and may have no other fields than {known}; it has {sorted(item)}")
    pieces = next((item[name] for name in PIECES if name in item), 1)
    if not isinstance(pieces, int) or pieces < 1:
        raise ValueError(f"line {item['sku']!r}: {pieces!r} is no number of pieces")
    texts = {name: str(item.get(name) or default) for name, default in DEFAULTS.items()}
    return SampleLine(
        Article(sku=str(item["sku"]), cents=round(Decimal(str(item.get(PRICE, 10))) * 100), **texts), pieces
    )


def line(article: Article, quantity: int, name: str = "qty") -> dict[str, Any]:
    """Return a line of a message with its amounts; `name` is the topic's field for the quantity."""
    return {
        **article.body(),
        name: quantity,
        "item_price_inc_tax": euros(article.cents),
        "row_total_inc_tax": euros(article.cents * quantity),
    }


def euros(cents: int) -> int | float:
    """Return an amount as Stock Hub's JSON has it: an integer if there are no cents."""
    return cents / 100 if cents % 100 else cents // 100
