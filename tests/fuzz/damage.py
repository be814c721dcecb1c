"""Ways to damage a file: what a broken transfer, a careless export or an attacker would leave."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

_TOKENS = [
    b'"',
    b"\x00",
    b"\n",
    b"\r",
    b";",
    b",",
    b"\t",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"{",
    b"[",
    b"=",
    b"1e999",
    b"-0",
]
_TOKENS += [b"NaN", b"\xc3\xa9", b"\x80", b"9" * 400, b"=cmd|' /C calc'!A0", b"../../etc/passwd", b"\xf0\x9f\x92\x80"]


def random_bytes(content: bytes, rng: np.random.Generator) -> bytes:
    return rng.bytes(int(rng.integers(1, 4000)))


def truncated(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: int(rng.integers(0, max(len(content), 1)))]


def flipped(content: bytes, rng: np.random.Generator) -> bytes:
    data = bytearray(content)
    for place in rng.integers(0, max(len(data), 1), int(rng.integers(1, 20))):
        if data:
            data[place] ^= 1 << int(rng.integers(0, 8))
    return bytes(data)


def spliced(content: bytes, rng: np.random.Generator) -> bytes:
    for _ in range(int(rng.integers(1, 6))):
        place = int(rng.integers(0, len(content) + 1))
        content = content[:place] + _TOKENS[int(rng.integers(0, len(_TOKENS)))] + content[place:]
    return content


def shuffled_lines(content: bytes, rng: np.random.Generator) -> bytes:
    lines = content.split(b"\n")
    return b"\n".join(lines[at] for at in rng.permutation(len(lines)))


def repeated(content: bytes, rng: np.random.Generator) -> bytes:
    return content * int(rng.integers(2, 6))


def other_encoding(content: bytes, rng: np.random.Generator) -> bytes:
    names = ("utf-16", "utf-32", "utf-7", "cp500")
    return content.decode("latin-1").encode(names[int(rng.integers(0, len(names)))])


def without_a_column(content: bytes, rng: np.random.Generator) -> bytes:
    lines = content.split(b"\n")
    place = int(rng.integers(0, 4))
    return b"\n".join(b",".join(part for at, part in enumerate(line.split(b",")) if at != place) for line in lines)


DAMAGES: list[Callable] = [
    random_bytes,
    truncated,
    flipped,
    spliced,
    shuffled_lines,
    repeated,
    other_encoding,
    without_a_column,
]


def damage_one_file(folder: Path, rng: np.random.Generator) -> str:
    """Damages one file of an extract in place, by one or two ways; says how."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path = files[int(rng.integers(0, len(files)))]
    chosen = [DAMAGES[int(at)] for at in rng.integers(0, len(DAMAGES), int(rng.integers(1, 3)))]
    content = path.read_bytes()
    for damage in chosen:
        content = damage(content, rng)
    path.write_bytes(content)
    return f"{path.name}: {', '.join(damage.__name__ for damage in chosen)}"


# The heavy ones: each must be refused, or read, within seconds and bounded memory.


def zip_bomb(folder: Path) -> None:
    """A spreadsheet of a few hundred kilobytes that unpacks to a gigabyte."""
    original = (folder / "data.xlsx").read_bytes()
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(original)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bomb:
        for name in source.namelist():
            if name.endswith("sheet1.xml"):
                with bomb.open(name, "w", force_zip64=True) as part:
                    part.write(b"<worksheet><sheetData>")
                    for _ in range(1024):
                        part.write(b" " * (1 << 20))
                    part.write(b"</sheetData></worksheet>")
            else:
                bomb.writestr(name, source.read(name))
    (folder / "data.xlsx").write_bytes(out.getvalue())


def far_cell(folder: Path) -> None:
    """One cell in the last corner of a sheet: a table of 17 billion cells for who takes the corner at its word."""
    import openpyxl

    book = openpyxl.load_workbook(folder / "data.xlsx")
    book.active["XFD1048576"] = "x"
    book.save(folder / "data.xlsx")


def million_columns(folder: Path) -> None:
    path = folder / "data.csv"
    head, *lines = path.read_bytes().split(b"\n")
    extra = 1_000_000
    wide = [head + b"".join(b",c%d" % at for at in range(extra))]
    wide += [line + b"," * extra for line in lines[:3]]
    path.write_bytes(b"\n".join(wide))


def deep_json(folder: Path) -> None:
    with (folder / "data.ndjson").open("a") as file:
        file.write('{"resourceType": "Observation", "x": ' + "[" * 200_000 + "]" * 200_000 + "}\n")


def long_line(folder: Path) -> None:
    with (folder / "data.ndjson").open("a") as file:
        file.write(json.dumps({"resourceType": "Observation", "note": "x" * (200 << 20)}) + "\n")


def one_quote(folder: Path) -> None:
    path = folder / "data.csv"
    path.write_bytes(path.read_bytes() + b'P99,"' + b"x,\n" * (1 << 20))


HEAVY = {
    "excel": [zip_bomb, far_cell],
    "csv": [million_columns, one_quote],
    "redcap": [million_columns],
    "fhir": [deep_json, long_line],
}
