"""The files of a cBioPortal study: tables under rows of `#`, descriptions beside them, lists of cases."""

from pathlib import Path

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.files import check_file, data_path
from hemapilots.ingest.text import Text, open_text

__all__ = ["check_described", "described", "open_study", "properties", "table_below"]

_DESCRIPTION = 1 << 16
_MOST_DESCRIPTIONS = 1000
# What the description of a table says of it.
_KINDS = {
    "patients": ("CLINICAL", ("PATIENT_ATTRIBUTES", "TIMELINE")),
    "samples": ("CLINICAL", ("SAMPLE_ATTRIBUTES", "TIMELINE")),
    "variants": ("MUTATION_EXTENDED", ("MAF",)),
    "by sample": ("GENE_PANEL_MATRIX", ("GENE_PANEL_MATRIX",)),
}


def open_study(folder: Path, mapping: dict, alias: str, head: bool = False) -> Text:
    """A table of a study, without the rows of `#` above its header. head: its beginning only."""
    file = {**mapping["files"][alias]}
    file["delimiter"] = file.get("delimiter") or "\t"
    path = data_path(folder, mapping, alias)
    return open_text(
        folder,
        {**mapping, "files": {**mapping["files"], alias: file}},
        alias,
        head,
        lambda content: table_below(path, content)[1],
    )


def table_below(path: Path, content: bytes) -> tuple[bytes, bytes]:
    """(the leading rows of `#`, the table below them with quotation marks that are only signs made safe for a parser).

    content: UTF-8. Raises HemaPilotsError where there is no table.
    """
    start = 0
    while content.startswith((b"#", b'"#'), start):
        end = content.find(b"\n", start)
        start = len(content) if end < 0 else end + 1
    above, content = content[:start], content[start:]
    if not content.strip():
        raise HemaPilotsError(f"{path}: nothing stands below its rows of #; ask for the study again")
    if b'"' not in content:
        return above, content
    return above, b"\n".join(_unquoted(line) if b'"' in line else line for line in content.split(b"\n"))


def _unquoted(line: bytes) -> bytes:
    """A study has no quoting: a field that is not quoted as a whole is quoted here, its marks doubled."""
    ending = b"\r" if line.endswith(b"\r") else b""
    fields = line.removesuffix(b"\r").split(b"\t")
    return b"\t".join(b'"' + field.replace(b'"', b'""') + b'"' if _bare(field) else field for field in fields) + ending


def _bare(field: bytes) -> bool:
    whole = len(field) > 1 and field.startswith(b'"') and field.endswith(b'"')
    return b'"' in field and not (whole and b'"' not in field[1:-1].replace(b'""', b""))


def properties(path: Path) -> dict[str, str]:
    """The `name: value` lines of a description or a list of cases."""
    check_file(path)
    with path.open("rb") as stream:
        text = stream.read(1 << 26).decode("utf-8-sig", errors="replace")
    pairs = (line.partition(":") for line in text.splitlines())
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def described(texts: dict[str, Text]) -> dict[str, dict[str, str]]:
    """The description of each table that has one, with `_path`, and of the study under the empty name."""
    by_file, found = {(text.path.parent, text.path.name): alias for alias, text in texts.items()}, {}
    for folder in sorted({text.path.parent for text in texts.values()}):
        for path in sorted(folder.glob("meta_*"))[:_MOST_DESCRIPTIONS]:
            if not path.is_file() or path.stat().st_size > _DESCRIPTION or not path.stat().st_size:
                continue
            entry = {**properties(path), "_path": str(path)}
            alias = by_file.get((folder, entry.get("data_filename")))
            if alias is not None:
                found[alias] = entry
            elif path.stem == "meta_study":
                found[""] = entry
    return found


def check_described(descriptions: dict[str, dict[str, str]], kinds: dict[str, str]) -> None:
    """Raises HemaPilotsError where descriptions are of different studies, or say that a table is of another kind."""
    studies = {}
    for alias, entry in descriptions.items():
        study = entry.get("cancer_study_identifier")
        if study:
            studies.setdefault(study, entry["_path"])
        kind, datatypes = _KINDS.get(kinds.get(alias), (None, ()))
        said = entry.get("genetic_alteration_type"), entry.get("datatype")
        if alias and kind and (said[0] != kind or said[1] not in datatypes):
            raise HemaPilotsError(
                f"{entry['_path']}: it does not describe {entry['data_filename']} as {kind} {datatypes[0]}, which is what its "
                f"header shows; mend files.{alias} or the description"
            )
    if len(studies) > 1:
        first, second, *_ = studies.items()
        raise HemaPilotsError(
            f"{second[1]}: its cancer_study_identifier is not that of {Path(first[1]).name}; keep the files of one study"
        )
