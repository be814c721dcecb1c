"""What every file-based reader needs: paths that stay inside the extract, files that are data, the join."""

import difflib
from pathlib import Path, PurePosixPath, PureWindowsPath

import pandas as pd

from hemapilots.errors import HemaPilotsError

__all__ = ["columns_of", "data_path", "join", "locate"]

LFS_POINTER = b"version https://git-lfs.github.com/spec/"


def data_path(folder: Path, mapping: dict, alias: str) -> Path:
    """The path of a mapped file, inside `folder`; raises where it is absent, empty or a pointer."""
    name = mapping["files"][alias]["path"]
    field = f"mapping {mapping.get('name', '')}, files.{alias}.path"
    parts = (*PurePosixPath(name).parts, *PureWindowsPath(name).parts)
    if not name or ".." in parts or PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive:
        raise HemaPilotsError(f'{field}: "{name}" leaves the extract folder; give a path inside it')
    path = folder / name
    if not path.is_file():
        raise HemaPilotsError(f"{path}: there is no such file ({field}); put the extract there or mend the path")
    try:
        with path.open("rb") as stream:
            start = stream.read(len(LFS_POINTER))
    except OSError as error:
        raise HemaPilotsError(f"{path}: it cannot be read ({error.strerror}); check its permissions") from None
    if not start.strip():
        raise HemaPilotsError(f"{path}: the file is empty; ask for the extract again")
    if start == LFS_POINTER:
        raise HemaPilotsError(f"{path}: a Git-LFS pointer stands there instead of data; run `git lfs pull`")
    return path


def columns_of(mapping: dict, alias: str) -> dict[str, str]:
    """Variable -> source column of the variables that one file of the mapping delivers."""
    first = next(iter(mapping["files"]))
    return {
        variable: source["column"]
        for variable, source in mapping["variables"].items()
        if (source.get("file") or first) == alias
    }


def locate(path: Path, header: list[str], mapping: dict, alias: str) -> dict[str, int]:
    """Position in the header of `patient_id` and each variable; raises where absent or doubled."""
    names = [name.strip() for name in header]
    wanted = {"patient_id": mapping["patient_id"], **columns_of(mapping, alias)}
    places = {}
    for variable, column in wanted.items():
        where = f'{path}, column "{column}"'
        if column not in names:
            folded = {name.casefold(): name for name in names}
            near = difflib.get_close_matches(column.casefold(), list(folded), 1)
            remedy = f'the nearest is "{folded[near[0]]}"' if near else "no column has a similar name"
            if len(names) == 1:
                remedy = f"the header has a single column, so check files.{alias}.delimiter"
            raise HemaPilotsError(
                f"{where}: not in the header ({remedy}); mend {variable} in mapping {mapping.get('name', '')}"
            )
        if names.count(column) > 1:
            raise HemaPilotsError(f"{where}: the header names it {names.count(column)} times; keep one of them")
        places[variable] = names.index(column)
    return places


def join(tables: dict[str, pd.DataFrame], paths: dict[str, Path], mapping: dict) -> pd.DataFrame:
    """Joins the files on `patient_id`, the first file left; variables in the mapping's order."""
    for alias, table in tables.items():
        table["patient_id"] = table["patient_id"].str.strip()
        _check_ids(table["patient_id"], f'{paths[alias]}, column "{mapping["patient_id"]}"', mapping)
    aliases = list(tables)
    result = tables[aliases[0]]
    ids = result["patient_id"]
    pieces = [result]
    for alias in aliases[1:]:
        indexed = tables[alias].set_index("patient_id")
        if not ids.isin(indexed.index).any():
            raise HemaPilotsError(
                f'{paths[alias]}, column "{mapping["patient_id"]}": no patient of '
                f"{paths[aliases[0]].name} is in it; check that both files write the patient ids alike"
            )
        aligned = indexed.reindex(ids).reset_index(drop=True).astype(object)
        pieces.append(aligned.where(aligned.notna(), None))
    joined = pd.concat(pieces, axis=1)
    return joined[["patient_id", *mapping["variables"]]]


def _check_ids(ids: pd.Series, where: str, mapping: dict) -> None:
    absent = int(ids.isin(["", *(str(code).strip() for code in mapping.get("missing", []))]).sum())
    if absent:
        raise HemaPilotsError(f"{where}: {absent} rows have no patient id; complete or remove them")
    doubled = int(ids.duplicated(keep=False).sum())
    if doubled:
        raise HemaPilotsError(
            f"{where}: {doubled} rows share their patient id with another row; keep one row per patient"
        )
