"""A pilot's harmonized records as a scenario has them: dealt to other sites, or without variables that a site lacks."""

import numpy as np
import pandas as pd

from hemapilots.expressions import parse
from hemapilots.harmonize.issues import COLUMNS
from hemapilots.harmonize.scores import score_columns
from hemapilots.harmonize.split import split
from hemapilots.harmonize.work import evaluate

__all__ = ["gathered", "studied", "varied", "without"]

Tables = tuple[pd.DataFrame, pd.DataFrame]


def gathered(sites: dict[str, Tables]) -> Tables:
    """The harmonized records and the issues of all sites in one table each, sites in order of name, rows numbered through from 0.

    A single source is left as it is. What holds for a whole column of one of several sites is told of its blank cells one by one; its
    units and maps, and records that its inclusion dropped, belong to nobody here.
    """
    if len(sites) == 1:
        return next(iter(sites.values()))
    tables, issues, first = [], [], 0
    for site in sorted(sites):
        table, found = sites[site]
        number = pd.Series(np.arange(first, first + len(table)), index=table["row"])
        tables.append(table.assign(row=number.to_numpy()))
        listed = pd.concat([found[found["row"].isin(number.index)], *_blank_cells(table, found)])
        issues.append(listed.assign(row=listed["row"].map(number)))
        first += len(table)
    return pd.concat(tables, ignore_index=True), pd.concat(issues, ignore_index=True).astype(COLUMNS)


def _blank_cells(table: pd.DataFrame, issues: pd.DataFrame) -> list[pd.DataFrame]:
    """The issues of whole blank columns as one row for each cell that is blank and not listed by itself."""
    out = []
    whole = issues[issues["row"].isna() & (issues["status"] == "null") & issues["variable"].isin(table.columns)]
    for _, issue in whole.drop_duplicates("variable").iterrows():
        name = issue["variable"]
        listed = issues.loc[(issues["variable"] == name) & (issues["status"] == "null"), "row"].dropna()
        rows = table.loc[table[name].isna() & ~table["row"].isin(listed), "row"]
        out.append(pd.DataFrame([issue] * len(rows)).assign(row=rows.to_numpy(), count=1))
    return [part for part in out if len(part)]


def varied(sites: dict[str, Tables], site: str, scenario: dict, use_case: dict) -> Tables:
    """Harmonized records and issues of one site of the scenario.

    sites: what the pilot has: its source, all its sites, or, where nothing is dealt anew, this site. scenario: `split` (None where rows
    stay where they are) and `absent`, the variables that each site lacks.
    """
    table, issues = sites[site] if scenario["split"] is None else split(*gathered(sites), scenario["split"])[site]
    absent = scenario["absent"].get(site, ())
    return (without(table, absent, use_case), _told(table, issues, absent)) if absent else (table, issues)


def studied(
    table: pd.DataFrame, issues: pd.DataFrame, flow: dict, endpoints: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    """Records, issues and flow of one site without the pilot's endpoints that the scenario does not study."""
    others = [name.removesuffix("_event") for name in table if name.endswith("_event")]
    others = [name for name in others if f"{name}_entry" in table and name not in endpoints]
    columns = [f"{name}_{part}" for name in others for part in ("entry", "time", "event")]
    kept = {
        part: {name: told for name, told in flow[part].items() if name in endpoints}
        for part in ("endpoints", "reconciliation")
    }
    told = issues[~issues["variable"].isin([*others, *columns])].reset_index(drop=True)
    return table.drop(columns=columns), told, flow | kept


def without(table: pd.DataFrame, absent: tuple[str, ...], use_case: dict) -> pd.DataFrame:
    """The records with these variables unknown, and with what is derived from them and the scores that read either computed anew.

    A derived variable that reads what is not kept, such as a date, is unknown where it reads an absent variable as well.
    """
    out, changed = table.copy(), set(absent)
    for name in absent:
        out[name] = None if out[name].dtype == object else np.nan
    for name, spec in (use_case.get("derived") or {}).items():
        expression = parse(str(spec["expression"]))
        if not changed & set(expression.names):
            continue
        changed.add(name)
        text = spec.get("type") == "category"
        if set(expression.names) <= set(out):
            out[name] = evaluate(expression, {k: out[k].to_numpy() for k in expression.names}, name, len(out), text)
        else:
            out[name] = None if text else np.nan
    reading = {
        name: spec for name, spec in (use_case.get("scores") or {}).items() if changed & set(spec["table"]["inputs"])
    }
    return out.assign(**score_columns(out, use_case | {"scores": reading}))


def _told(table: pd.DataFrame, issues: pd.DataFrame, absent: tuple[str, ...]) -> pd.DataFrame:
    """The issues with one row for each absent variable instead of those of its cells."""
    rows = [
        {"row": None, "variable": name, "status": "null", "reason": "not_assayed"}
        | {"detail": "absent at this site in the scenario", "count": len(table)}
        for name in absent
    ]
    told = pd.DataFrame(rows).reindex(columns=issues.columns)
    rest = issues[~issues["variable"].isin(absent)]
    return pd.concat([rest, told.astype(issues.dtypes.to_dict())], ignore_index=True).astype(COLUMNS)
