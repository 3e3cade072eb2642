"""Name what the pages of a built site load from another host: `own_host_only.py SITE` ends with 1 if there is any."""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

# what a browser fetches by itself; a link is only followed by a person
LOADED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
    "object": "data",
    "image": "href",
    "use": "href",
}
LINKED = {"stylesheet", "icon", "preload", "prefetch", "modulepreload", "preconnect", "dns-prefetch", "manifest"}
IN_STYLE = re.compile(r"(?:url\(|@import)\s*['\"]?\s*((?:https?:)?//[^'\")\s]+)", re.IGNORECASE)
IN_SCRIPT = re.compile(r"(?:\bimport\s*\(|\bfrom\s*|\bfetch\s*\(|importScripts\s*\()\s*['\"`]((?:https?:)?//[^'\"`]+)")
SUFFIXES = {".html", ".css", ".js", ".svg"}


class Page(HTMLParser):
    """Collect the addresses that a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Add the addresses of an element."""
        given = {name: value or "" for name, value in attrs}
        self.addresses.append(given.get(LOADED.get(tag, ""), ""))
        self.addresses += [part.split()[0] for part in given.get("srcset", "").split(",") if part.strip()]
        if tag == "link" and LINKED & set(given.get("rel", "").lower().split()):
            self.addresses.append(given.get("href", ""))
        self.addresses += IN_STYLE.findall(given.get("style", ""))


def loaded(file: Path) -> list[str]:
    """Return the addresses on other hosts that a file loads."""
    text = file.read_text(encoding="utf-8", errors="replace")
    addresses = IN_STYLE.findall(text) + IN_SCRIPT.findall(text)
    if file.suffix in {".html", ".svg"}:
        page = Page()
        page.feed(text)
        addresses += page.addresses
    return sorted({address for address in addresses if re.match(r"(?:https?:)?//", address, re.IGNORECASE)})


def faults(site: Path) -> list[str]:
    """Return a sentence for each address on another host."""
    files = sorted(path for path in site.rglob("*") if path.suffix in SUFFIXES)
    if not files:
        return [f"there is no site in {site}"]
    return [f"{file.relative_to(site)} loads {address}" for file in files for address in loaded(file)]


if __name__ == "__main__":
    sys.exit("\n".join(faults(Path(sys.argv[1]))) or 0)
