"""Links from outside: which of them a page may offer."""

from __future__ import annotations

from unicodedata import category
from urllib.parse import urlsplit

SCHEMES = ("http", "https")
# blanks, control and formatting characters, unassigned and private ones, lone surrogates
UNSAFE_CATEGORIES = "CZ"
NO_HOST = frozenset("%<>^`{|}\"'")


def safe_link(url: str | None) -> str:
    """Return the URL if a page may offer it as a link, else "".

    It must be http(s), with a host and a valid port, without user name, password, backslash, blanks and invisible
    characters: browsers disagree about where such a URL leads, or people read it wrongly.
    """
    if not url or "\\" in url or any(category(character)[0] in UNSAFE_CATEGORIES for character in url):
        return ""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is no number
    except ValueError:
        return ""
    if parts.scheme not in SCHEMES or "@" in parts.netloc or not _is_host(parts.hostname):
        return ""
    return url


def _is_host(name: str | None) -> bool:
    """Return True for a name or an address: a letter or digit, and no sign that browsers decode or refuse."""
    return any(map(str.isalnum, name or "")) and NO_HOST.isdisjoint(name or "")
