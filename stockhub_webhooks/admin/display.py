"""Formatting of values for the admin: localised and escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.templatetags.admin_urls import admin_urlquote
from django.contrib.admin.utils import display_for_field, display_for_value
from django.db.models import Model
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from stockhub_webhooks.contract.links import safe_link
from stockhub_webhooks.models import Address, Track
from stockhub_webhooks.office import story
from stockhub_webhooks.office.stub_addresses import ChildAddress

EMPTY = "-"
SIGNS = {"EUR": "€", "GBP": "£", "USD": "$"}
CURRENCY_CHARS = 8  # a code has three, but the field takes any text
CENT = Decimal("0.01")
TIME, DAY = "d-m-Y H:i", "d-m-Y"  # in both languages: of an English list, nobody can tell the month from the day
SHOWN_LINES = 20  # of a list within a cell
# Django's classes for wide content; a plain form row would cut a wide table off.
SCROLLING = '<div class="inline-related tabular"><div class="wrapper" tabindex="0">{}</div></div>'


def badge(text: Any) -> SafeString:
    """Return a highlighted word, styled by `static/stockhub_webhooks/badge.css`."""
    return format_html('<span class="stockhub-badge">{}</span>', text)


def money(amount: Decimal | None, currency: str | None) -> str:
    """Return an amount in the format of the active language, with two decimals, or four if it needs them."""
    if amount is None:
        return EMPTY
    places = 2 if amount == amount.quantize(CENT) else 4
    number = formats.number_format(amount, decimal_pos=places, force_grouping=True)
    sign = SIGNS.get(currency or "", Truncator(currency or "").chars(CURRENCY_CHARS))
    return f"{sign}\u00a0{number}" if sign else number


def value(any_value: Any) -> str:
    """Return a localised time, number or text; a dash if it is None."""
    return str(display_for_value(any_value, EMPTY))


def short_time(at: datetime | None, form: str = TIME) -> SafeString | str:
    """Return a time in the active time zone, which is not broken into lines: "28-11-2026 09:07"."""
    if at is None:
        return EMPTY
    text = formats.date_format(timezone.localtime(at), form)
    return format_html('<time class="stockhub-short" datetime="{}">{}</time>', at.isoformat(), text)


def day(at: datetime | None) -> SafeString | str:
    """Return the day of a time in the active time zone, likewise: "28-11-2026"."""
    return short_time(at, DAY)


def column_value(any_value: Any, field: Any) -> Any:
    """Return a value of a list: a time in short, any other value as Django shows it."""
    if isinstance(any_value, datetime):
        return short_time(any_value)
    return display_for_field(any_value, field, EMPTY) if field else value(any_value)


def page(row: Model, text: Any = None) -> SafeString:
    """Return a link to the admin page of a row."""
    meta = row._meta
    url = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[admin_urlquote(row.pk)])
    return format_html('<a href="{}">{}</a>', url, str(row) if text is None else text)


def link(url: str, text: Any) -> SafeString:
    """Return a link within the admin."""
    return format_html('<a href="{}">{}</a>', url, text)


def list_link(model: type[Model], word: str) -> SafeString:
    """Return a link to the changelist of a model, searched for a word."""
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return format_html('<a href="{}?{}">{}</a>', url, urlencode({"q": word}), _("show all"))


def external_link(url: str, text: str) -> SafeString | str:
    """Return a link to another site; only the text if the URL is not safe."""
    if not safe_link(url):
        return text
    return format_html('<a href="{}" rel="noopener noreferrer" target="_blank">{}</a>', url, text)


def multiline(lines: Iterable[Any], each: Callable[[Any], Any] | None = None, more_url: str = "") -> SafeString | str:
    """Return lines under each other, the first ones as `limited` does; a dash if there are none."""
    return joined(SafeString("<br>"), limited(lines, each, more_url=more_url)) or EMPTY


def limited(
    lines: Iterable[Any], each: Callable[[Any], Any] | None = None, *, most: int = SHOWN_LINES, more_url: str = ""
) -> list[Any]:
    """Return the first lines; the last one says how many others there are: "… and 9980 more".

    Args:
        lines: the lines, or what `each` makes them of.
        each: returns the text of a line; called for those alone that are shown.
        most: the number of lines that are shown.
        more_url: where the others are shown.
    """
    rest = iter(lines)
    shown = [each(line) if each else line for line in islice(rest, most)]
    return [*shown, *more(sum(1 for _line in rest), more_url)]


def more(number: int, url: str = "") -> list[SafeString | str]:
    """Return the line that stands for those left out, with a link to where they are; nothing if there are none."""
    text = f"… {_('and %(count)s more') % {'count': number}}"
    return [link(url, text) if url else text] if number > 0 else []


def joined(separator: str, texts: Iterable[Any]) -> SafeString:
    """Return texts one after the other, escaped unless they are safe."""
    return format_html_join(separator, "{}", ((text,) for text in texts))


def breakable(name: Any) -> SafeString:
    """Return the name of a function or an error that may be broken into lines between its words only."""
    parts = re.split(r"(?<=[._:/])|(?<=[a-z])(?=[A-Z])", str(name))
    return joined(SafeString("<wbr>"), parts)


def table(heads: Iterable[Any], rows: Iterable[Iterable[Any]]) -> SafeString | str:
    """Return a table; a dash if it has no rows."""
    body = format_html_join(
        "", "<tr>{}</tr>", ((format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in rows)
    )
    if not body:
        return EMPTY
    head = format_html_join("", '<th scope="col">{}</th>', ((name,) for name in heads))
    return format_html(SCROLLING, format_html("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", head, body))


def preformatted(text: str) -> SafeString | str:
    """Return text with its line breaks and indentation; a long line is scrolled by keyboard, too."""
    return format_html('<pre tabindex="0">{}</pre>', text) if text else EMPTY


def address(row: Address | None) -> SafeString | str:
    """Return the lines of an address, then e-mail and telephone."""
    return multiline([*row.lines, *filter(None, (row.email, row.telephone))]) if row else EMPTY


def customer(row: Address | None) -> str:
    """Return the name of the recipient."""
    if row is None:
        return EMPTY
    return " ".join(filter(None, (row.first_name, row.last_name))) or row.company_name or EMPTY


def customer_of_stub(found: ChildAddress | None) -> str:
    """Return the name of the recipient in a document of an order, with that document; "" if there is none."""
    if found is None:
        return ""
    document = f"{found.document._meta.verbose_name} {found.document.increment_id}"
    return _("%(customer)s (says %(document)s)") % {"customer": customer(found.address), "document": document}


def track(row: Track) -> SafeString | str:
    """Return a tracking number, as a link if its URL is safe."""
    return external_link(row.safe_tracking_url, row.tracking_number)


def short_track(row: Track) -> SafeString:
    """Return the carrier, and below it the tracking number in one line, which is cut off if it is too long."""
    number = format_html('<span class="stockhub-cut" title="{}">{}</span>', row.tracking_number, track(row))
    return format_html("{}{}", story.carrier_name(row), number)
