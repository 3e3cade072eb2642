"""Text from outside, made safe to show: characters that nobody sees become `⟨U+202E⟩`, right-to-left text is isolated.

Such characters reorder, hide or overwrite the text around them, and a terminal obeys some of them. What a language or
an emoji needs stays: the zero width non-joiner in Persian, the joiner in a family emoji, combining marks.
"""

from __future__ import annotations

import re
from unicodedata import category, combining

# Categories Cc, Cf, Zl, Zp, Cs and Co, noncharacters, and letters and marks without a glyph. Line breaks and tabs of
# pages and mails stay. The test compares the list with `unicodedata`.
ODD = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u070f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ud800-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0xF0000, 0x10000))
    + "\U000f0000-\U0010ffff"
)
FLAG = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,8}\U000e007f"  # a black flag with a region: Scotland
JOINERS = "\u200c\u200d"
FIRST_JOINED_SCRIPT = "\u0590"  # Latin, Greek and Cyrillic have no joiners
VIRAMA = 9  # combining class
EMOJI_STYLE = "\ufe0e\ufe0f"
LETTERS_AS_EMOJI = "\u203c\u2049\u2139\u3030"
SKIN_TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
KEYCAPS, KEYCAP_SIGN = "0123456789#*", "\u20e3"
LINE_ENDS = {ord("\r"): "⟨U+000D⟩", ord("\n"): "⟨U+000A⟩"}
REPLACEMENT = "\ufffd"

RTL = "\u0590-\u061b\u061d-\u08ff\ufb1d-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
ISOLATE, END_OF_ISOLATE = "\u2068", "\u2069"

_ODD = re.compile(f"{FLAG}|\r\n|[{ODD}]")
# digits and signs between two words belong to them, digits after the last one do not
_RTL_RUN = re.compile(f"[{RTL}](?:[{RTL}{JOINERS}0-9 .,()/'’\"-]*[{RTL}])?")
_NEEDS_CARE = re.compile(f"[{ODD}{RTL}]")
_MARKUP = re.compile(
    r"(?P<kept><(script|style)\b.*?</\2\s*>|<!--.*?-->)"
    r"|(?P<field><textarea\b.*?</textarea\s*>)"
    r"|(?P<plain><(?:title|option)\b[^>]*>)(?P<plain_text>[^<]*)"
    r"|(?P<tag><[^>]*>)"
    r"|[^<]+|<",
    re.DOTALL | re.IGNORECASE,
)
_READ_ALOUD = re.compile(r'\b(?:title|alt|placeholder|aria-label)="[^"]*"')


def visible(text: str) -> str:
    """Return a text in which each character that cannot be seen is replaced by its code, such as `⟨U+202E⟩`."""
    return _ODD.sub(shown, text)


def visible_line(text: str) -> str:
    """Return a visible text in one line, for a log that has an entry in each line."""
    return visible(text).translate(LINE_ENDS)


def isolated(text: str) -> str:
    """Return a visible text for a mail or a terminal: right-to-left words leave the order of the others as it is."""
    text = visible(text)
    return text if text.isascii() else _RTL_RUN.sub(rf"{ISOLATE}\g<0>{END_OF_ISOLATE}", text)


def visible_html(page: str) -> str:
    """Return HTML with visible text; right-to-left words are in `<bdi>`. Values of form fields stay as they are."""
    return _MARKUP.sub(_shown_markup, page) if _NEEDS_CARE.search(page) else page


def shown(match: re.Match[str]) -> str:
    """Return the code of a character of `ODD`; the character itself where the text around needs it."""
    found = match[0]
    if len(found) > 1 or _is_needed(found, match.string, match.start()):
        return found
    return f"⟨U+{ord(found):04X}⟩"


def _is_needed(character: str, text: str, position: int) -> bool:
    """Return True if a joiner or a variation selector belongs to the characters beside it."""
    before = text[position - 1 : position]
    after = text[position + 1 : position + 2]
    if character in JOINERS:
        is_in_word = _is_joinable(before) and (_is_joinable(after) or combining(before) == VIRAMA)
        return is_in_word or (character == "\u200d" and _is_emoji(before) and _is_emoji(after))
    if character in EMOJI_STYLE and (_is_emoji(before) or (before in KEYCAPS and after == KEYCAP_SIGN)):
        return True
    is_selector = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    return is_selector and _is_ideograph(before)


def _is_joinable(character: str) -> bool:
    return character >= FIRST_JOINED_SCRIPT and category(character)[0] in "LM"


def _is_emoji(character: str) -> bool:
    """Return True for an emoji or a sign such as ♂, and for what an emoji ends with: a skin tone or a style."""
    if character <= "\x7f":
        return False
    return character in EMOJI_STYLE + LETTERS_AS_EMOJI or character in SKIN_TONES or category(character) in ("So", "Sm")


def _is_ideograph(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or "\U00020000" <= character <= "\U0003ffff"


def _shown_markup(match: re.Match[str]) -> str:
    found = match[0]
    if match["kept"] or not _NEEDS_CARE.search(found):
        return found
    if match["field"]:
        return _referenced(found)
    if match["tag"]:
        return _shown_tag(found)
    if match["plain"]:  # these elements have no others inside
        return _shown_tag(match["plain"]) + isolated(match["plain_text"])
    return _RTL_RUN.sub(r"<bdi>\g<0></bdi>", visible(found))


def _shown_tag(tag: str) -> str:
    return _referenced(_READ_ALOUD.sub(lambda attribute: isolated(attribute[0]), tag))


def _referenced(markup: str) -> str:
    """Return markup with character references, which a browser reads as the characters that they stand for."""
    return _ODD.sub(lambda match: match[0] if len(match[0]) > 1 else _reference(ord(match[0])), markup)


def _reference(code: int) -> str:
    """Return a character reference; HTML knows none for NUL, and reads those of 80 to 9F as others."""
    if not code:
        return REPLACEMENT
    return chr(code) if 0x80 <= code <= 0x9F else f"&#x{code:X};"
