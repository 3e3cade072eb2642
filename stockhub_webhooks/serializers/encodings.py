"""Bytes to text: compression and character sets."""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Iterator

from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.serializers.fields import BodyNote

BLOCK_BYTES = 16 * 1024
GZIP_MAGIC = b"\x1f\x8b"
ZLIB_START = b"x"  # with a window of 32 KiB, which everybody uses
PLAIN_STARTS = b'{["\xef\xfe\xff \t\r\n'  # of JSON text, of a byte order mark, of white space
CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]+)", re.IGNORECASE)
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
CUT_OFF = "unexpected end of data"  # the reason that Python gives for a text in UTF-8 without its end
FALLBACK_CHARSET = "windows-1252"
UNSPECIFIC = ("", "utf-8", "ascii")  # often declared by default
# codecs of Python that are no charset of a text; the first two take time that grows with the square of its length
NO_CHARSETS = frozenset({"punycode", "idna", "unicode-escape", "raw-unicode-escape", "undefined", "utf-7"})


# ---------------------------------------------------------------- compression


def compression_of(body: bytes, content_encoding: str) -> str:
    """Return "gzip", "deflate" or "", by the first bytes.

    The header alone proves nothing: a proxy may unpack a body and leave the header, or drop it.
    """
    if body.startswith(GZIP_MAGIC):
        return "gzip"
    if body.startswith(ZLIB_START) and _has_zlib_header(body):
        return "deflate"
    is_deflated = "deflate" in content_encoding.lower() and bool(body) and body[0] not in PLAIN_STARTS
    return "deflate" if is_deflated else ""


def unpacked_size(body: bytes, compression: str, limit: int) -> int:
    """Return the size of a compressed body in bytes, without keeping it; counting stops after `limit`."""
    size = 0
    try:
        for block in _unpack(body, compression):
            size += len(block)
            if size > limit:
                break
    except zlib.error:
        pass  # it is stored as it is and found to be unreadable
    return size


def unpack(body: bytes, compression: str, limit: int) -> bytes:
    """Return the unpacked body.

    Raises:
        Unreadable: it is damaged, cut off, or longer than `limit` bytes.
    """
    blocks: list[bytes] = []
    size = 0
    try:
        for block in _unpack(body, compression):
            size += len(block)
            if size > limit:
                raise Unreadable("not_json", f"the body has more than {limit} bytes when unpacked")
            blocks.append(block)
    except zlib.error:
        raise Unreadable("not_json", f"the {compression} compression of the body is damaged") from None
    return b"".join(blocks)


def _unpack(body: bytes, compression: str) -> Iterator[bytes]:
    """Yield a compressed body in blocks; a gzip file may have several members.

    Raises:
        zlib.error: it is damaged or cut off.
    """
    bits = zlib.MAX_WBITS | 16 if compression == "gzip" else _deflate_bits(body)
    position = 0
    while position < len(body):
        unpacker = zlib.decompressobj(bits)
        while not unpacker.eof:
            # in pieces, since what follows a member is copied
            piece = body[position : position + BLOCK_BYTES]
            block = unpacker.decompress(piece, BLOCK_BYTES)
            position += len(piece) - len(unpacker.unconsumed_tail) - len(unpacker.unused_data)
            if not block and not piece and not unpacker.eof:
                raise zlib.error("cut off")
            yield block
        if compression != "gzip" or not body.startswith(GZIP_MAGIC, position):
            return  # padding


def _deflate_bits(body: bytes) -> int:
    """Return the window bits: HTTP's "deflate" has a zlib header, but some senders leave it out."""
    return zlib.MAX_WBITS if _has_zlib_header(body) else -zlib.MAX_WBITS


def _has_zlib_header(body: bytes) -> bool:
    return len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0


# ---------------------------------------------------------------- characters


def decode(body: bytes, content_type: str = "") -> tuple[str, list[BodyNote]]:
    """Return the text of a body without byte order marks, and what was assumed.

    JSON is UTF-8 by RFC 8259. Read as well are UTF-16 and UTF-32 with a byte order mark or by the position of their
    zero bytes, the charset that `Content-Type` declares, and windows-1252 if none is declared.

    Raises:
        Unreadable: the bytes fit none of them. A text in UTF-8 that is cut off is not guessed.
    """
    if not _unmistakable_charset(body):
        try:
            return _without_marks(body.decode()), []
        except UnicodeDecodeError:
            pass
    charset = charset_of(body, content_type)
    try:
        text = body.decode(charset)
    except UnicodeDecodeError as error:
        fault = "is the start of a character that is cut off" if error.reason == CUT_OFF else f"is not {charset}"
        raise Unreadable("not_json", f"byte {error.start} {fault}") from None
    except UnicodeError:
        raise Unreadable("not_json", f"the body is not {charset}") from None
    return _without_marks(text), [] if charset == "utf-8" else [BodyNote("", "charset", charset)]


def charset_of(body: bytes, content_type: str = "") -> str:
    """Return the charset of a body by `decode`; if it has bytes that fit none, the likeliest one."""
    if charset := _unmistakable_charset(body):
        return charset
    declared = _declared_charset(content_type)
    try:
        body.decode()
        return "utf-8"
    except UnicodeDecodeError as error:
        if declared in UNSPECIFIC and error.reason == CUT_OFF:
            return "utf-8"
    other = FALLBACK_CHARSET if declared in UNSPECIFIC else declared
    return min(other, "utf-8", key=lambda charset: _count_unreadable(body, charset))


def _count_unreadable(body: bytes, charset: str) -> int:
    """Return the number of bytes that are no characters of a charset."""
    try:
        return sum("\ud800" <= character <= "\udfff" for character in body.decode(charset, "surrogateescape"))
    except UnicodeError:
        return len(body)


def _unmistakable_charset(body: bytes) -> str:
    return _marked_charset(body) or _by_zero_bytes(body)


def _marked_charset(body: bytes) -> str:
    return next((charset for mark, charset in BYTE_ORDER_MARKS if body.startswith(mark)), "")


def _by_zero_bytes(body: bytes) -> str:
    """Recognise UTF-16 and UTF-32 by their zero bytes: a JSON text begins with an ASCII character."""
    start = body[:4]
    if len(start) < 4 or 0 not in start or not start.strip(b"\0"):
        return ""
    zeros = (start[0] == 0, start[1] == 0, start[2] == 0, start[3] == 0)
    patterns = {
        (True, True, True, False): "utf-32-be",
        (False, True, True, True): "utf-32-le",
        (True, False, True, False): "utf-16-be",
        (False, True, False, True): "utf-16-le",
    }
    return patterns.get(zeros, "")


def _declared_charset(content_type: str) -> str:
    """Return the declared charset if Python can decode it as text, in lower case."""
    match = CHARSET.search(content_type)
    try:
        codec = codecs.lookup(match[1]) if match else None
    except LookupError:
        return ""
    return codec.name if codec and codec._is_text_encoding and codec.name not in NO_CHARSETS else ""


def _without_marks(text: str) -> str:
    return text.lstrip("\ufeff") if text.startswith("\ufeff") else text
