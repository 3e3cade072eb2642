"""Values that break programs, for parameters of addresses and fields of forms."""

from base64 import b64encode
from urllib.parse import quote_plus


def cursor(text):
    """Return a cursor of DRF's pages."""
    return b64encode(text.encode()).decode()


# percent-encoded, since some are no text
VALUES = (
    "%FF%FE",
    "%ED%A0%80",
    "%00",
    "a%00b",
    *map(
        quote_plus,
        (
            "", " ", "\t", "\n", "\r\nx: y", "-", "-1", "0", "1", "1.5", "+1", "1_000", "0x10", "1e9", "9" * 19,
            "9" * 40, "-" + "9" * 19,
            "NaN", "Infinity", "²", "½", "٣", "１", "null", "true", "yes",
            "[", "(", "\\", "'", '"', "%", "_", "*", "?", "&", "=",
            "[]", "{}", '{"a": 1}', ",",
            "1,2,,3", "1,x", "../../etc/passwd", "<script>", "{{7*7}}", "{% now %}", "%(x)s",
            "%s",
            "0001-01-01", "0001-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31",
            "9999-12-31T23:59:59-14:00",
            "2024-02-30", "2024-13-01", "24:00", "2024-W01",
            "2024-06-01T00:00:00+99:99", "now",
            "\u202e", "\u200b", "\ufeff", "\x1b[2J", "\U0001f600",
            "\U0010ffff", "é" * 300, "a" * 5000, "a b c d e f g h i",
            "pk", "-pk", "pk__in", "body",
            "__", "~real", "~other", cursor("p=1"), cursor("p=" + "9" * 30), cursor("p=x"),
            cursor("o=-1"),
            cursor("o=999999&p=1"), cursor("r=1&p=\x00"), "e30=", "====",
        ),
    ),
)  # fmt: skip
