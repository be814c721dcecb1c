"""The tables of an extract's files become what a reader delivers: joined on the patient id, or one row per measurement."""

from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.delivered import OBSERVATIONS, SECTIONS, VARIANTS, Delivered, Remark, empty
from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.wanted import patient_column, wanted
from hemapilots.texts import BLANKS

__all__ = ["assemble", "categorical", "stack"]


def assemble(tables: dict[str, pd.DataFrame], paths: dict[str, Path], mapping: dict) -> Delivered:
    """Joins the tables of the used files, the first of which says who is a patient.

    tables: alias -> `patient_id` and the columns of `wanted`, each a Categorical of text, rows as delivered.
    """
    first, *others = tables
    ids = {alias: _ids(table, paths[alias], patient_column(mapping, alias), mapping) for alias, table in tables.items()}
    repeated = {alias: bool(mapping["files"][alias].get("repeated")) for alias in tables}
    patients = ids[first] if not repeated[first] else ids[first].drop_duplicates().reset_index(drop=True)
    records = pd.DataFrame({"row": np.arange(len(patients), dtype=np.int64), "patient_id": patients.to_numpy()})
    delivered, columns, observations = Delivered(records), {}, []
    variants = (mapping.get("variants") or {}).get("file")
    for alias, table in tables.items():
        known = ids[alias].isin(set(patients)).to_numpy() if alias != first else np.ones(len(table), dtype=bool)
        _strangers(ids[alias], known, paths, alias, first, delivered, mapping)
        if alias == variants:
            delivered.variants = _variants(table, ids[alias], known)
        elif repeated[alias]:
            observations += _observations(table, ids[alias], known, mapping, alias)
        elif alias == first:
            columns |= {want.name: table[want.name].array for want in wanted(mapping, alias)}
        else:
            columns |= _aligned(table, ids[alias], patients, paths[alias], mapping, alias)
    names = [want.name for section in (*SECTIONS, "") for want in _in_order(mapping, section)]
    ordered = {name: columns[name] for name in names if name in columns}
    delivered.records = pd.concat([records, pd.DataFrame(ordered, index=records.index)], axis=1)
    if observations:
        delivered.observations = stack(observations, OBSERVATIONS)
    return delivered


def _in_order(mapping: dict, section: str) -> list:
    """What the mapping wants, variables in its own order whatever file they stand in."""
    wants = [want for alias in mapping["files"] for want in wanted(mapping, alias)]
    entries = list(mapping.get(section) or {}) if section else []
    if section:
        return sorted(
            (want for want in wants if want.variable in entries), key=lambda want: entries.index(want.variable)
        )
    return [want for want in wants if want.variable in ("panel", "variants")]


def stack(parts: list[dict], columns: tuple[str, ...]) -> pd.DataFrame:
    """Pieces of a long table one below the other; a column that a piece lacks is null there."""
    parts = [part for part in parts if len(part["row"])]
    if not parts:
        return empty(columns)
    whole = {"row": np.concatenate([part["row"] for part in parts])}
    for name in columns[1:]:
        pieces = [part[name] if part.get(name) is not None else _nothing(len(part["row"])) for part in parts]
        whole[name] = pd.api.types.union_categoricals(pieces)
    return pd.DataFrame(whole)


def categorical(texts) -> pd.Categorical:
    """Texts (None for no cell) as a Categorical; its categories stand in order of appearance."""
    codes, categories = pd.factorize(np.asarray(texts, dtype=object), use_na_sentinel=True)
    return pd.Categorical.from_codes(codes, categories=pd.Index(categories, dtype=object))


def _nothing(length: int) -> pd.Categorical:
    return pd.Categorical.from_codes(np.full(length, -1), categories=pd.Index([], dtype=object))


def _ids(table: pd.DataFrame, path: Path, column: str, mapping: dict) -> pd.Series:
    """Trimmed patient ids; raises HemaPilotsError where a row has none."""
    raw = table["patient_id"].array
    texts = np.array([str(text).strip(BLANKS) for text in raw.categories], dtype=object)
    blank = {"", *(str(code).strip() for code in mapping.get("missing") or [])}
    absent = np.array([text in blank for text in texts], dtype=bool)
    codes = raw.codes
    without = int((codes < 0).sum() + (absent[codes[codes >= 0]].sum() if len(texts) else 0))
    if without:
        rows = "1 row has" if without == 1 else f"{without} rows have"
        raise HemaPilotsError(f'{path}, column "{column}": {rows} no patient id; complete or remove them')
    return pd.Series(texts[codes] if len(texts) else np.empty(0, dtype=object))


def _strangers(ids, known, paths: dict, alias: str, first: str, delivered: Delivered, mapping: dict) -> None:
    """Counts patients of a further file whom the first does not know; none in common is an error."""
    if known.all():
        return
    if not known.any():
        raise HemaPilotsError(
            f'{paths[alias]}, column "{patient_column(mapping, alias)}": no patient of {paths[first].name} is in it; '
            "check that both files write the patient ids alike"
        )
    strangers = int(ids[~known].nunique())
    delivered.remarks.append(Remark(None, "rejected", "ineligible", f"only in {alias}", strangers))


def _aligned(table, ids, patients, path: Path, mapping: dict, alias: str) -> dict[str, pd.Categorical]:
    """The columns of a further file in the order of the records."""
    doubled = int(ids.duplicated(keep=False).sum())
    if doubled:
        raise HemaPilotsError(
            f'{path}, column "{patient_column(mapping, alias)}": {doubled} rows share their patient id with another row; '
            f"keep one row per patient, or say files.{alias}.repeated: true"
        )
    places = pd.Index(ids).get_indexer(patients)
    found = {}
    for want in wanted(mapping, alias):
        cells = table[want.name].array
        codes = np.where(places >= 0, cells.codes[places], -1)
        found[want.name] = pd.Categorical.from_codes(codes, categories=cells.categories)
    return found


def _observations(table, ids, known, mapping: dict, alias: str) -> list[dict]:
    """One piece per variable: its cells that are not blank, of patients who have a record."""
    wants = wanted(mapping, alias)
    names = {want.name for want in wants}
    who = categorical(ids.to_numpy())
    pieces = []
    for want in wants:
        if want.part != "value":
            continue
        cells = table[want.name].array
        blank = np.array([not str(text).strip(BLANKS) for text in cells.categories], dtype=bool)
        full = cells.codes >= 0
        full[full] = ~blank[cells.codes[full]]
        rows = np.flatnonzero(full & known)
        piece = {"row": rows.astype(np.int64), "patient_id": who[rows], "value": cells[rows]}
        piece["variable"] = pd.Categorical.from_codes(np.zeros(len(rows), dtype=int), categories=[want.variable])
        for part in ("unit", "date", "uln"):
            if f"{want.variable}__{part}" in names:
                piece[part] = table[f"{want.variable}__{part}"].array[rows]
        pieces.append(piece)
    return pieces


def _variants(table: pd.DataFrame, ids: pd.Series, known: np.ndarray) -> pd.DataFrame:
    rows = np.flatnonzero(known)
    columns = {"row": rows.astype(np.int64), "patient_id": categorical(ids.to_numpy()[rows])}
    for name in VARIANTS[2:]:
        columns[name] = table[name].array[rows] if name in table else _nothing(len(rows))
    return pd.DataFrame(columns)
