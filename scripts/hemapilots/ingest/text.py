"""A delimited text file as delivered: its bytes within a limit, its dialect, its header; whole, or its beginning only."""

import codecs
from collections.abc import Callable
from pathlib import Path

from hemapilots.delivered import Remark
from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.dialect import decode, find_delimiter, split_record, without_preamble
from hemapilots.ingest.files import data_path
from hemapilots.ingest.wanted import check_width

__all__ = ["Text", "open_text", "read_bytes"]

# The text is held once as delivered and once in UTF-8: a million rows of a hundred columns have half as much.
MAXIMUM_BYTES = 1 << 30
HEAD = 1 << 22
_WIDE = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


class Text:
    """A delimited text file: its path, its content in UTF-8, its delimiter and its header.

    body: what becomes of the content before its header is read, such as dropping rows above it.
    """

    def __init__(
        self, path: Path, content: bytes, mapping: dict, alias: str, body: Callable[[bytes], bytes] | None = None
    ):
        declared, field = mapping["files"][alias], f"files.{alias} of mapping {mapping.get('name', '')}"
        dialect = decode(path, content, declared.get("encoding"), f"{field} (encoding)")
        where = f"{field} (delimiter)"
        self.path, self.alias = path, alias
        self.content, named = without_preamble(body(dialect.content) if body else dialect.content)
        self.delimiter, found = find_delimiter(path, self.content, declared.get("delimiter") or named, where)
        self.remarks: list[Remark] = [*dialect.remarks, *found]
        self.header = split_record(path, self.content, self.delimiter, where)
        check_width(path, self.header)


def open_text(
    folder: Path, mapping: dict, alias: str, head: bool = False, body: Callable[[bytes], bytes] | None = None
) -> Text:
    """A mapped file with its dialect; head: its first lines only.

    Raises HemaPilotsError where it is absent, empty, no text, or too large to be held in memory.
    """
    path = data_path(folder, mapping, alias)
    content = read_bytes(path, head, mapping["files"][alias].get("encoding"))
    return Text(path, content, mapping, alias, body)


def read_bytes(path: Path, head: bool = False, encoding: str | None = None) -> bytes:
    """The content of a text file, or its first whole lines. encoding: as declared."""
    size = path.stat().st_size
    if size > MAXIMUM_BYTES:
        raise HemaPilotsError(
            f"{path}: {size >> 20} MiB of text, more than {MAXIMUM_BYTES >> 20}; split it, or deliver it as Parquet"
        )
    with path.open("rb") as stream:
        content = stream.read(HEAD if head else -1)
    return content if len(content) == size else _whole_lines(content, encoding)


def _whole_lines(head: bytes, encoding: str | None) -> bytes:
    """A cut inside a letter or a row would look like a fault of the file."""
    wide = next((name for mark, name in _WIDE if head.startswith(mark)), None) or _wide(encoding)
    if wide is None:
        end = max(head.rfind(b"\n"), head.rfind(b"\r")) + 1
        return head[:end] or head
    try:
        text = codecs.getincrementaldecoder(wide)().decode(head)
    except UnicodeError:
        return head
    end = max(text.rfind("\n"), text.rfind("\r")) + 1
    return (text[:end] or text).encode(wide)


def _wide(encoding: str | None) -> str | None:
    """A declared encoding, if its letters have two bytes or four."""
    try:
        name = codecs.lookup(encoding).name if encoding else ""
    except (LookupError, ValueError):
        return None
    return name if name.startswith(("utf-16", "utf-32")) else None
