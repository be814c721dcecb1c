"""How a text file is written: encoding and delimiter, as declared or as found.

What is found is tried, not guessed: an encoding must decode the whole file, a delimiter must cut its first records into
equally many fields. What cannot be decided is an error that asks for a declaration.
"""

import codecs
import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hemapilots.delivered import Remark
from hemapilots.errors import HemaPilotsError

__all__ = ["Dialect", "decode", "find_delimiter", "split_record", "without_preamble"]

DELIMITERS = (",", ";", "\t", "|")
# In the order of trial, after UTF-8; the last one decodes everything.
ENCODINGS = ("cp1252", "mac-roman", "latin-1")
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# Letters that hospitals write, and signs that stand in any text. A decoding that gives others is not the right one.
_LETTERS = "äöüßÄÖÜéèêëàâçîïôûùáíóúñÁÉÍÓÚÑìòãõåæøÅÆØÀÈÌÒÙÇÂÊÎÔÛÃÕœŒ°µ"
_SIGNS = "\u00a0\u00ad§«»·ºª²³¹±×÷®©™‘’“”‚„–—…•¿¡€£¢¥¼½¾´¨†≤≥≠∞√"
# UTF-8 that somebody read as cp1252 and saved again: the first byte of a letter became a capital A, I or a letter a with
# an accent, what follows it became signs. In bytes, because a search in text takes four times as long.
_NEXT = (
    rb"(?:\xc2[\x80-\xbf]|\xc5[\x92\x93\xa0\xa1\xb8\xbd\xbe]|\xc6\x92|\xcb[\x86\x9c]|"
    rb"\xe2(?:\x80[\x93\x94\x98-\x9a\x9c-\x9e\xa0-\xa2\xa6\xb0\xb9\xba]|\x82\xac|\x84\xa2))"
)
_TWICE = re.compile(rb"\xc3(?:[\x82\x83\x8e\x8f]" + _NEXT + rb"|\xa2" + _NEXT + _NEXT + rb")")
# The replacement character, and the same after it was itself read as cp1252.
_LOST = ("\ufffd".encode(), "\u00ef\u00bf\u00bd".encode())
_SAMPLE, _PIECE = 1 << 16, 1 << 20


@dataclass(frozen=True)
class Dialect:
    """content: the file in UTF-8 without a byte order mark; encoding: what it was delivered in; remarks: what was found."""

    content: bytes
    encoding: str
    remarks: tuple[Remark, ...] = ()


def decode(path: Path, content: bytes, declared: str | None, where: str) -> Dialect:
    """A text file as UTF-8. where: the field of the mapping that declares its encoding.

    Raises HemaPilotsError where a declared encoding does not fit, or where replacement characters show that letters
    were lost before delivery.
    """
    said = []
    content, encoding = _utf8(path, content, declared, where, said)
    if not content.isascii():
        lost = max(content.count(sign) for sign in _LOST)
        if lost:
            raise HemaPilotsError(
                f"{path}: letters were lost before delivery (replacement characters in {_lines_with_loss(content)} lines; "
                "encoding); export the file again as UTF-8"
            )
        content, mended = _TWICE.subn(_mend, content)
        if mended:
            said.append(("encoding", "UTF-8 that was saved twice, mended", mended))
    if b"\x00" in content:
        raise HemaPilotsError(f"{path}: it holds null characters, so it is not a text file; export it again as text")
    if b"\r" in content and len({content.count(end) for end in (b"\r\n", b"\r", b"\n") if end in content}) > 1:
        said.append((None, "lines end in more than one way", 1))
    remarks = (Remark(None, "inferred", reason, f"{path.name}: {detail}", count) for reason, detail, count in said)
    return Dialect(content, encoding, tuple(remarks))


def _utf8(path: Path, content: bytes, declared: str | None, where: str, said: list) -> tuple[bytes, str]:
    """The content in UTF-8 without a byte order mark, and the encoding that it was delivered in."""
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    if declared is None and marked:
        said.append(("encoding", f"read as {marked}, by its byte order mark", 1))
    encoding = _name(path, declared, where) if declared else marked
    if encoding in (None, "utf-8") or _confused(encoding):
        plain = content[3:] if marked == "utf-8" else content
        if _is_utf8(plain):
            if encoding not in (None, "utf-8") and not plain.isascii():
                said.append(("encoding", f"declared as {declared} but written in UTF-8, read as that", 1))
            return plain, "utf-8"
    if encoding is None:
        encoding = _by_trial(content)
        said.append(("encoding", f"read as {encoding}", 1))
    try:
        return content.decode(encoding).removeprefix("\ufeff").encode(), encoding
    except (UnicodeError, LookupError, ValueError):
        if declared:
            raise _unfit(path, declared, where) from None
        raise HemaPilotsError(
            f"{path}: it starts like {encoding} but is not (encoding); export it again as UTF-8"
        ) from None


def _unfit(path: Path, declared: str, where: str) -> HemaPilotsError:
    return HemaPilotsError(
        f"{path}: not written in {declared}; name the right encoding in {where} (cp1252 and latin-1 are frequent), "
        "or leave it out to have it found"
    )


def _name(path: Path, declared: str, where: str) -> str:
    """A declared encoding by its one name; a byte order mark is part of what Excel calls UTF-8."""
    try:
        name = codecs.lookup(declared).name
    except (LookupError, ValueError):
        raise HemaPilotsError(
            f'{path}: there is no encoding "{declared}"; mend {where} (utf-8, cp1252 and latin-1 are frequent), or leave it out '
            "to have it found"
        ) from None
    return {"utf-8-sig": "utf-8", "iso8859-1": "latin-1"}.get(name, name)


def _confused(encoding: str) -> bool:
    """Whether text in UTF-8 passes for this encoding: those that give every byte, or every two bytes, a letter."""
    return encoding.startswith(("cp125", "iso8859", "latin", "mac", "utf-16", "utf-32"))


def _is_utf8(content: bytes) -> bool:
    if content.isascii():
        # Zeros between the letters are those of UTF-16.
        return b"\x00" not in content
    try:
        content.decode()
    except UnicodeError:
        return False
    return True


def _by_trial(content: bytes) -> str:
    """The encoding of one byte a letter whose letters are the most likely.

    Mac Roman is tried only where cp1252 gives signs that no hospital writes.
    """
    counts = np.zeros(256, dtype=np.int64)
    # In pieces, because counting needs eight bytes for each.
    for start in range(0, len(content), _PIECE):
        counts += np.bincount(np.frombuffer(content[start : start + _PIECE], dtype=np.uint8), minlength=256)
    present = np.flatnonzero(counts[128:]) + 128
    scores = {}
    for encoding in ENCODINGS:
        signs = {byte: bytes([byte]).decode(encoding, errors="replace") for byte in present}
        if "\ufffd" in signs.values():
            continue
        if encoding == "cp1252" and all(sign in _LETTERS or sign in _SIGNS for sign in signs.values()):
            return encoding
        worth = {byte: 1 if sign in _LETTERS else 0 if sign in _SIGNS else -2 for byte, sign in signs.items()}
        scores[encoding] = sum(int(counts[byte]) * worth[byte] for byte in present)
    return max(scores, key=scores.get)


def _mend(found: re.Match) -> bytes:
    """A letter as it was before its bytes were taken for letters of cp1252."""
    signs = found.group().decode()
    return b"".join(sign.encode("latin-1" if "\x80" <= sign <= "\x9f" else "cp1252") for sign in signs)


def _lines_with_loss(content: bytes) -> int:
    return sum(any(sign in line for sign in _LOST) for line in content.split(b"\n"))


def without_preamble(content: bytes) -> tuple[bytes, str | None]:
    """The content from its header on, and the delimiter that a line `sep=;` above it names, as Excel writes it."""
    if content[:1] in (b"\n", b"\r", b" "):
        content = content.lstrip(b"\r\n ")
    named = re.match(rb"sep=([\x09\x20-\x7e])\r?\n", content)
    return (content[named.end() :], named[1].decode()) if named else (content, None)


def find_delimiter(path: Path, content: bytes, declared: str | None, where: str) -> tuple[str, tuple[Remark, ...]]:
    """The delimiter of a UTF-8 text file: as declared, else the one that cuts its first records into equally many fields."""
    if declared:
        return declared, ()
    sample = content[:_SAMPLE].decode("utf-8", errors="ignore")
    records = {sign: _records(sample, sign, len(content) > _SAMPLE) for sign in DELIMITERS}
    widths = {sign: {len(record) for record in found} for sign, found in records.items() if found}
    even = [sign for sign, found in widths.items() if len(found) == 1 and found != {1}]
    # A decimal comma cuts numbers, never a header: the sign that gives the header the most fields is the delimiter.
    even.sort(key=lambda sign: -len(records[sign][0]))
    if even and (len(even) == 1 or len(records[even[0]][0]) > len(records[even[1]][0])):
        sign = even[0]
    else:
        by_header = sorted(widths, key=lambda sign: -len(records[sign][0]))
        if not by_header or len(records[by_header[0]][0]) == 1:
            return ",", ()
        if len(by_header) > 1 and len(records[by_header[0]][0]) == len(records[by_header[1]][0]):
            raise HemaPilotsError(f"{path}: its delimiter cannot be told; name it in {where}")
        sign = by_header[0]
    if sign == ",":
        return sign, ()
    shown = {"\t": "a tab"}.get(sign, f'"{sign}"')
    return sign, (Remark(None, "inferred", None, f"{path.name}: fields are separated by {shown}", 1),)


def _records(sample: str, sign: str, cut: bool) -> list[list[str]]:
    """The first records of a sample, without the last one where the sample ends within it; blank lines left out."""
    try:
        found = [record for record in csv.reader(io.StringIO(sample, newline=""), delimiter=sign) if record]
    except csv.Error:
        return []
    return found[:-1][:100] if cut and len(found) > 1 else found[:100]


def split_record(path: Path, content: bytes, delimiter: str, where: str) -> list[str]:
    """The header of a UTF-8 text file."""
    end = content.find(b"\n")
    # A quoted header may hold line breaks; so much of the file is enough for any header that is accepted.
    sample = content[: max(end + 1, 0) or None] if b'"' not in content[: end + 1] else content[: 1 << 24]
    try:
        return next(csv.reader(io.StringIO(sample.decode(errors="ignore"), newline=""), delimiter=delimiter), [])
    except (csv.Error, TypeError) as error:
        raise HemaPilotsError(f"{path}: the header cannot be read ({error}); check {where}") from None
