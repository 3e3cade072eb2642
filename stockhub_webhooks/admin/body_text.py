"""The bytes of a message as text to look at and to correct. Nothing is raised, whatever they hold.

JSON is indented token by token rather than parsed and written anew, so that numbers keep their digits, repeated names
stay, and the order is the sender's. Each piece of the shown text knows the piece of the body that it stands for: what a
person does not touch keeps its bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from django.views.decorators.debug import sensitive_variables

from stockhub_webhooks import visible
from stockhub_webhooks.conf import conf
from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.serializers import encodings

LIMIT = 100_000  # characters of a body on a page: a longer one is shown in part, and corrected in a file
UNPACKED_LIMIT = 1024 * 1024
DEPTH_LIMIT = 40
GROWTH_LIMIT = 4
INDENT = "  "
SPACED = {":": ": "}
MAX_ODD_SHARE = 0.05  # of characters that no text has
WIDE = ("utf-16", "utf-32")
SHORT = 200  # characters; a share of less says nothing

TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+)')
# shown as another character than it is: NUL becomes ␀, and a byte that is no character becomes �
ODD = re.compile("\r\n|[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
UNSEEN = re.compile(f"\r\n|[{visible.ODD}]")
NO_CHARACTER = re.compile("[\ud800-\udfff]")
CONTROLS = {code: 0x2400 + code for code in range(32)} | {0x7F: 0x2421, 10: 10, 13: 10}


class Piece(NamedTuple):
    """A piece of the shown text, and what it stands for in the text of the body."""

    shown: str
    source: str


@dataclass(frozen=True)
class BodyText:
    """The text of a body, unpacked if it is compressed.

    Attributes:
        text: with byte order marks; a byte that is no character of the charset is a lone surrogate.
        charset: the one that the body has, or the likeliest.
        is_text: False if the body cannot be unpacked or is no text; a form would damage it.
        is_short: True if the text is short enough for a page, so that it can be shown whole and corrected.
    """

    text: str = field(repr=False)
    charset: str
    is_text: bool = True

    @cached_property
    def pieces(self) -> list[Piece]:
        """The text in pieces, indented if it is JSON."""
        marks = self.text[: len(self.text) - len(self.text.lstrip("\ufeff"))]
        text = self.text[len(marks) :]
        indented = _indented(text) if _is_json(text) else []
        return [Piece("", marks), *(indented or _visible(text))]

    @property
    def is_short(self) -> bool:
        return len(self.text) <= LIMIT

    @property
    def shown(self) -> str:
        """The text to look at and to change."""
        return "".join(piece.shown for piece in self.pieces)

    def encode(self, text: str, content_type: str) -> bytes:
        """Return a text in the charset of the body; in UTF-8 if it would then not be read as it is."""
        plain = text.lstrip("\ufeff")
        try:
            body = text.encode(self.charset, _errors(self.charset))
            if NO_CHARACTER.search(plain) or encodings.decode(body, content_type)[0] == plain:
                return body
        except (UnicodeError, Unreadable):
            pass
        return plain.encode(errors="surrogateescape")


@sensitive_variables()
def read_text(body: bytes, headers: Mapping[str, str] | None = None) -> BodyText:
    """Return the text of a body.

    Args:
        body: the exact bytes.
        headers: the stored headers of the message, by their names in lower case.
    """
    headers = headers or {}
    is_text = True
    if compression := encodings.compression_of(body, headers.get("content-encoding", "")):
        try:
            body = encodings.unpack(body, compression, max(conf.MAX_BODY_BYTES, UNPACKED_LIMIT))
        except Unreadable:
            is_text = False
    charset = encodings.charset_of(body, headers.get("content-type", ""))
    text = _decoded(body, charset)
    is_assumed = charset == encodings.FALLBACK_CHARSET and _is_odd(text)
    # of JSON in UTF-16, about half of the bytes are zeros
    if is_assumed or (charset.startswith(WIDE) and body.count(0) < len(body) / 4):
        charset, text = "utf-8", _decoded(body, "utf-8")
    return BodyText(text, charset, is_text=is_text and (len(text) <= SHORT or not _is_odd(text)))


@sensitive_variables()
def pretty(body: bytes, headers: Mapping[str, str] | None = None) -> str:
    """Return the body to look at: indented if it is JSON, cut off after `LIMIT` characters."""
    text = read_text(body, headers)
    return text.shown if text.is_short else replace(text, text=text.text[:LIMIT]).shown + "\n…"


def _decoded(body: bytes, charset: str) -> str:
    try:
        return body.decode(charset, _errors(charset))
    except UnicodeError:
        return body.decode(charset, "replace")


def _is_odd(text: str) -> bool:
    """Return True if too many characters of a text are none that a text has."""
    return len(ODD.findall(text.replace("\r\n", "\n"))) > len(text) * MAX_ODD_SHARE


# ---------------------------------------------------------------- pieces


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return False
    return True


def _indented(text: str) -> list[Piece]:
    """Return JSON with one value a line; nothing if indenting would blow it up."""
    pieces: list[Piece] = []
    depth, size, budget = 0, 0, GROWTH_LIMIT * len(text) + 65536
    former = ""
    end = 0
    for match in TOKEN.finditer(text):
        token = match[1]
        closing = token in ("}", "]")
        depth -= closing
        starts_line = (former in ("{", "[") and not closing) or former == "," or (closing and former not in ("{", "["))
        space = "\n" + INDENT * min(depth, DEPTH_LIMIT) if starts_line else ""
        if space or match.start() < match.start(1):
            pieces.append(Piece(space, text[match.start() : match.start(1)]))
        if "\\" not in token and token.isprintable():  # most tokens
            pieces.append(Piece(SPACED.get(token, token), token))
        else:
            pieces.extend(_token(token))
        size += len(space) + len(token)
        if size > budget:
            return []
        depth += token in ("{", "[")
        former, end = token, match.end()
    return [*pieces, Piece("", text[end:])]


def _token(token: str) -> Iterable[Piece]:
    r"""Return a string token with é for \u00e9 and / for \/; as it is if that would hide something."""
    if "\\" in token and token.startswith('"') and (text := json.loads(token, strict=False)).isprintable():
        return [Piece(json.dumps(text, ensure_ascii=False), token)]
    return _visible(token)


def _visible(text: str) -> Iterator[Piece]:
    """Yield a text; each character that cannot be shown by itself."""
    end = 0
    for match in UNSEEN.finditer(text):
        shown = _shown(match)
        if shown == match[0]:
            continue
        if match.start() > end:
            yield Piece(text[end : match.start()], text[end : match.start()])
        yield Piece(shown, match[0])
        end = match.end()
    if end < len(text):
        yield Piece(text[end:], text[end:])


def _shown(match: re.Match[str]) -> str:
    """Return ␀ for NUL, � for a byte that is no character, and a code such as ⟨U+202E⟩ for others."""
    if not ODD.fullmatch(match[0]):
        return visible.shown(match)
    character = match[0][-1]
    return "\ufffd" if character >= "\ud800" else character.translate(CONTROLS)


def _errors(charset: str) -> str:
    return "surrogatepass" if charset.startswith(WIDE) else "surrogateescape"
