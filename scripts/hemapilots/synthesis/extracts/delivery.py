"""All tables of a delivery, as text: which variables stand in which table, who has which rows, and the columns around them."""

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.synthesis.extracts.cells import cells_of
from hemapilots.synthesis.extracts.episodes import episode_tables
from hemapilots.synthesis.extracts.inverse import as_dates, date_format
from hemapilots.synthesis.extracts.karyotypes import karyotype_texts
from hemapilots.synthesis.extracts.panels import panel_names
from hemapilots.synthesis.extracts.source import Source, Tables, is_measured
from hemapilots.synthesis.extracts.variants import variant_table
from hemapilots.synthesis.extracts.visits import single_visits, visits

__all__ = ["deliver"]

_HEADS = ("Alder", "Berg", "Corn", "Dorn", "Elm", "Feld", "Gruen", "Holm", "Linden", "Stein")
_TAILS = ("bach", "brook", "etti", "ford", "ini", "mann", "ona", "sen", "wick", "wood")
SURNAMES = np.array([head + tail for head in _HEADS for tail in _TAILS], dtype=object)
# A table of a format without columns: measurements that are taken again and again, and assays that are done once.
_AGAIN, _ONCE = " measured", " assayed"


def deliver(source: Source) -> Tables:
    """The tables of all files of the mapping; raises HemaPilotsError where one cannot be made."""
    _complete(source)
    tables = Tables(source.mapping)
    for name, specs in _groups(source).items():
        rows = _rows(source, name, specs)
        tables.files[name] = _table(source, name, specs, rows)
        true = rows.loc[rows["kind"] == "true"].sort_values("patient").index.to_numpy()
        tables.rows[name], tables.days[name] = true, rows.loc[true, "day"].to_numpy()
        tables.table_of |= dict.fromkeys(specs, name)
    if source.mapping.get("variants"):
        tables.files[source.mapping["variants"]["file"]] = variant_table(source)
    tables.files |= episode_tables(source)
    return tables


def _complete(source: Source) -> None:
    """Adds what the mapping names and nobody drew: karyotypes are written from their lesions, of all else nothing is known."""
    for name in [name for name in source.mapping["variables"] if name not in source.clean]:
        definition = source.use_case["variables"].get(name)
        if definition is None:
            raise HemaPilotsError(f"{source.where}, {name}: the use case has no such variable; remove it")
        if definition["type"] == "karyotype":
            source.clean[name] = karyotype_texts(source)
        else:
            source.clean[name] = None if definition["type"] == "category" else np.nan


def _groups(source: Source) -> dict[str, dict[str, dict]]:
    """Name of a table -> its variables; the first file has a table even if no variable is in it."""
    groups: dict[str, dict[str, dict]] = {source.first: {}}
    for name, spec in source.mapping["variables"].items():
        alias = spec.get("file") or source.first
        dated = source.mapping["reader"] == "redcap" and spec.get("date")
        if not source.file(alias).get("repeated") and (dated or is_measured(spec)):
            alias += _ONCE if _is_once(source.use_case["variables"][name]) else _AGAIN
        groups.setdefault(alias, {})[name] = spec
    return groups


def _is_once(definition: dict) -> bool:
    """Genes are sequenced once, and what comes after the index date is said once."""
    return bool(definition.get("gene")) or definition["known_at"] != "index"


def _rows(source: Source, name: str, specs: dict) -> pd.DataFrame:
    if source.file(name).get("repeated") or name.endswith(_AGAIN):
        return visits(source)
    dated = name.endswith(_ONCE) or source.file(name).get("date") or any(spec.get("date") for spec in specs.values())
    return single_visits(source, bool(dated))


def _table(source: Source, alias: str, specs: dict, rows: pd.DataFrame) -> pd.DataFrame:
    patients, columns = rows["patient"].to_numpy(), {}
    columns[source.key(alias)] = source.patients[patients]
    if alias in source.mapping["files"]:
        columns |= _decoys(source, rows)
    panel = source.mapping.get("panel") or {}
    if panel.get("column") and (panel.get("file") or source.first) == alias:
        columns[panel["column"]] = panel_names(source)[patients]
    names = list(specs)
    for name in [names[place] for place in source.rng.permutation(len(names))]:
        columns |= cells_of(source, name, specs[name], rows)
    if any(is_measured(spec) for spec in specs.values()):
        columns["sampled"] = as_dates(rows["day"])
    if day := source.file(alias).get("date"):
        columns[day] = as_dates(rows["day"], date_format({"file": alias}, source.mapping))
    return pd.DataFrame(columns, dtype=object)


def _decoys(source: Source, rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Identifying columns that no mapping names, invented: they must never pass ingestion."""
    rng, n, patients = source.rng, len(source.clean), rows["patient"].to_numpy()
    taken = {spec["column"] for spec in source.mapping["variables"].values()}
    made = {}
    for column, kind in source.habits.decoys.items():
        if column in taken:
            raise HemaPilotsError(f'{source.where}: the decoy "{column}" is a column that is mapped; call it otherwise')
        if kind == "surname":
            per_patient = SURNAMES[rng.integers(0, len(SURNAMES), n)]
        elif kind == "birth_date":
            per_patient = as_dates(rng.integers(-16436, 5478, n))
        else:
            per_patient = np.array([f"MRN{number:07d}" for number in rng.permutation(n) + 1], dtype=object)
        made[column] = per_patient[patients]
    return made
