"""FHIR resources from files, one after the other: ndjson (one resource per line), bundles, lists; also packed with gzip."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.files import check_file, check_inside, data_path

__all__ = ["Located", "resource_files", "resources"]

SUFFIXES = (".ndjson", ".jsonl", ".json")
# A document is held in memory as a whole, a file of lines is not.
MAXIMUM_DOCUMENT = 128 << 20
# A packed file may unpack to this size, or to this multiple of its own.
_UNPACKED, _RATIO = 64 << 20, 200
_DEPTH = 3
_BLANK_LINES = 100_000
_GZIP = b"\x1f\x8b"


@dataclass(slots=True)
class Located:
    """A resource, where it stands in its file (from 1: a line, or an entry of a bundle), and under which address."""

    resource: dict
    place: int
    address: str | None = None
    unit: str = "line"


def resource_files(folder: Path, mapping: dict) -> dict[str, list[Path]]:
    """The files of each alias; a folder stands for the JSON files in it, by name. Raises HemaPilotsError where there are none."""
    found = {}
    for alias in mapping.get("files") or {}:
        path = data_path(folder, mapping, alias, folders=True)
        found[alias] = [path] if path.is_file() else _inside(folder, path)
    if not found:
        raise HemaPilotsError(f"mapping {mapping.get('name', '')}, files: name the file or folder with the resources")
    return found


def _inside(folder: Path, path: Path) -> list[Path]:
    files = []
    for file in sorted(path.rglob("*")):
        name = file.name.removesuffix(".gz").lower()
        if not name.endswith(SUFFIXES) or name.startswith(".") or not file.is_file():
            continue
        check_inside(folder, file)
        # An export writes an empty file for a kind of resource of which there is none.
        if file.stat().st_size:
            check_file(file)
            files.append(file)
    if not files:
        raise HemaPilotsError(
            f"{path}: no file ends with {' or '.join(SUFFIXES)}; put the export there or mend the path"
        )
    return files


def resources(path: Path, limit: int | None = None) -> Iterator[Located]:
    """The resources of a file, those of a bundle one by one.

    limit: stop after so many bytes. Raises HemaPilotsError where the file is damaged, is not FHIR, or holds too much at once.
    """
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    opened = gzip.open(path, "rb") if packed else path.open("rb")
    allowed = max(_UNPACKED, _RATIO * path.stat().st_size) if packed else None
    try:
        with opened as stream:
            yield from _lines(path, stream, allowed, limit)
    except (EOFError, zlib.error, OSError):
        raise HemaPilotsError(f"{path}: it breaks off or is damaged; copy it again") from None


def _texts(path: Path, stream, allowed: int | None) -> Iterator[tuple[int, int, bytes]]:
    """(number, bytes so far, text) of the lines that are not blank; raises HemaPilotsError where they are without measure."""
    number, size, blank = 0, 0, 0
    while line := stream.readline(MAXIMUM_DOCUMENT + 1):
        number += 1
        size += len(line)
        text = line.strip().removeprefix(b"\xef\xbb\xbf")
        blank += not text
        if len(line) > MAXIMUM_DOCUMENT:
            raise HemaPilotsError(
                f"{path}, line {number}: longer than {MAXIMUM_DOCUMENT >> 20} MiB; deliver one resource per line (ndjson)"
            )
        if allowed is not None and size > allowed:
            raise HemaPilotsError(f"{path}: it unpacks to far more than its own size; deliver it unpacked")
        if blank > _BLANK_LINES:
            raise HemaPilotsError(f"{path}: more than {_BLANK_LINES:,} blank lines; export it again")
        if text:
            yield number, size, text


def _lines(path: Path, stream, allowed: int | None, limit: int | None) -> Iterator[Located]:
    from orjson import JSONDecodeError, loads

    first = True
    for number, size, text in _texts(path, stream, allowed):
        try:
            content = loads(text)
        except JSONDecodeError:
            if not first:
                raise _damaged(path, number) from None
            # Not one resource per line: a document that is written over many lines.
            yield from _document(path, text, stream, limit)
            return
        first = False
        yield from _unpacked(path, content, number)
        if limit is not None and size > limit:
            return


def _document(path: Path, first: bytes, stream, limit: int | None) -> Iterator[Located]:
    from orjson import JSONDecodeError, loads

    rest = stream.read(MAXIMUM_DOCUMENT + 1 if limit is None else limit + 1)
    if len(rest) > MAXIMUM_DOCUMENT:
        raise HemaPilotsError(
            f"{path}: one document of more than {MAXIMUM_DOCUMENT >> 20} MiB; deliver one resource per line (ndjson)"
        )
    if limit is not None and len(rest) > limit:
        if not first.startswith((b"{", b"[")):
            raise _damaged(path, 1)
        return
    try:
        content = loads(first + b"\n" + rest)
    except JSONDecodeError as error:
        raise _damaged(path, getattr(error, "lineno", 1)) from None
    yield from _unpacked(path, content, 1)


def _damaged(path: Path, line: int) -> HemaPilotsError:
    return HemaPilotsError(f"{path}, line {line}: not readable JSON (broken off, or nested too deep?); export it again")


def content_type(content) -> str | None:
    """The kind of a resource; None where there is none."""
    kind = content.get("resourceType") if isinstance(content, dict) else None
    return kind if isinstance(kind, str) else None


def _unpacked(path: Path, content, line: int, depth: int = 0) -> Iterator[Located]:
    """A resource that begins in a line, or those of a bundle or list by their number in it."""
    if content_type(content) == "Bundle" and depth < _DEPTH:
        entries = content.get("entry") or []
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise HemaPilotsError(f"{path}, line {line}: a Bundle whose `entry` is no list of objects; export it again")
        for place, entry in enumerate(entries, 1):
            if "resource" in entry:
                address = entry.get("fullUrl") if isinstance(entry.get("fullUrl"), str) else None
                for found in _unpacked(path, entry["resource"], line, depth + 1):
                    yield Located(found.resource, place, found.address or address, "entry")
    elif isinstance(content, list) and depth == 0:
        for place, item in enumerate(content, 1):
            for found in _unpacked(path, item, line, depth + 1):
                yield Located(found.resource, place, found.address, "entry")
    elif content_type(content) is None:
        raise HemaPilotsError(f"{path}, line {line}: there is no FHIR resource (no `resourceType`); export it again")
    else:
        yield Located(content, line)
