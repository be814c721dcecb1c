"""White space and spelling of texts that people and programs wrote: one definition for headers, ids and cells; spans of years."""

import re
import unicodedata

__all__ = ["BLANKS", "fold", "joined", "years"]

# White space of every kind that spreadsheets and web pages bring along: no-break, thin and zero-width spaces, byte order marks.
BLANKS = " \t\r\n\v\f\u00a0\u2007\u2009\u200a\u200b\u202f\u3000\ufeff"


def fold(text: str) -> str:
    """Words without case, accents and punctuation, parted by one space: `Hämoglobin (g/dl)` is `hamoglobin g dl`."""
    text = unicodedata.normalize("NFKD", str(text).casefold().replace("μ", "u").replace("µ", "u"))
    text = "".join(mark for mark in text if not unicodedata.combining(mark))
    return re.sub(r"[\W_]+", " ", text).strip()


def joined(text: str) -> str:
    """The same without spaces: `Hämoglobin (g/dl)` is `hamoglobingdl`."""
    return fold(text).replace(" ", "")


def years(span: float) -> str:
    """A span of time in words: `1 year`, `2.5 years`."""
    return f"{span:g} year{'' if span == 1 else 's'}"
