"""Clean patients of a use case, drawn from its own ranges and levels: what harmonization must give back."""

import numpy as np
import pandas as pd

from hemapilots.expressions import parse
from hemapilots.harmonize.scores import score_columns

__all__ = ["DAYS_PER_YEAR", "derive", "draw", "expected", "karyotypes", "outcome", "outcomes"]

DAYS_PER_YEAR = 365.25
NOT_KEPT = ("date", "karyotype")
_DIGITS = 3

# Texts as laboratories write them, the category, and the features that are 1; `{s}` is the pair of sex chromosomes.
KARYOTYPES = (
    ("46,{s}[20]", 0, "good", ()),
    ("46,{s},del(5)(q13q33)[12]/46,{s}[8]", 1, "good", ("del5q",)),
    ("47,{s},+8[15]/46,{s}[5]", 1, "intermediate", ("plus8",)),
    ("45,{s},-7[20]", 1, "poor", ("del7", "del7_7q")),
    ("46,{s},del(20)(q11q13)[10]/46,{s}[10]", 1, "good", ("del20q",)),
    ("46,{s},del(11)(q23)[20]", 1, "very_good", ("del11q",)),
    ("43,{s},del(5)(q13q33),-7,-12,-18[17]", 4, "very_poor", ("del5q", "del7", "del7_7q", "del18")),
    ("47,{s},del(7)(q22q34),+8[20]", 2, "poor", ("del7q", "del7_7q", "plus8")),
)


def draw(use_case: dict, n: int, seed: int, missing: float = 0.12) -> pd.DataFrame:
    """n patients with every variable of the use case; numbers inside the soft range, with three digits after the point.

    Dates are days since 1970-01-01 and in order; flags and numbers float64 (nan), others object (None).
    """
    rng = np.random.default_rng(seed)
    table = {"patient_id": np.array([f"P{number:04d}" for number in rng.permutation(9000)[:n] + 1], dtype=object)}
    for name, spec in use_case["variables"].items():
        table[name] = _column(spec, n, rng, 0 if spec["known_at"] == "outcome" else missing)
    table = pd.DataFrame(table)
    _dates(table, use_case, rng)
    return table


def _column(spec: dict, n: int, rng, missing: float) -> np.ndarray:
    lost = rng.random(n) < missing
    match spec["type"]:
        case "number":
            low, high = _range(spec)
            values = rng.integers(0, round(high), n) if _is_count(spec) else rng.uniform(low, high, n)
            return np.where(lost, np.nan, np.round(np.asarray(values, dtype=float), _DIGITS))
        case "flag":
            return np.where(lost, np.nan, (rng.random(n) < 0.3).astype(float))
        case "category":
            values = np.array(spec["levels"], dtype=object)[rng.integers(0, len(spec["levels"]), n)]
            return np.where(lost, None, values)
        case "date":
            return np.full(n, np.nan)
    return np.full(n, None, dtype=object)


def _range(spec: dict) -> tuple[float, float]:
    """Inside of both ranges, away from the ends: a rounded conversion must not step over."""
    low, high = (spec.get("soft") or spec.get("hard") or (0, 100))[:2]
    hard = spec.get("hard") or (low, high)
    low, high = max(low, hard[0]), min(high, hard[1], low + 1000)
    return low + 0.02 * (high - low), high - 0.02 * (high - low)


def _is_count(spec: dict) -> bool:
    return (
        spec["unit"] == "1" and "soft" not in {key for key in spec if spec[key]} and (spec.get("hard") or [0, 0])[1] > 1
    )


def _dates(table: pd.DataFrame, use_case: dict, rng) -> None:
    """Birth, index, events, death and last contact in their order; events of some, death of some."""
    follow_up, n = use_case["follow_up"], len(table)
    index = np.datetime64("2010-01-01").astype(int) + rng.integers(0, 3650, n)
    end = index + rng.integers(500, 3000, n)
    dead = rng.random(n) < 0.45
    table[follow_up["index"]] = index.astype(float)
    table[follow_up["birth"]] = (index - rng.integers(40 * 365, 80 * 365, n)).astype(float)
    table[follow_up["last_contact"]] = (end - np.where(dead, rng.integers(0, 60, n), 0)).astype(float)
    table[follow_up["death"]] = np.where(dead, end, np.nan)
    lost = rng.random(n) < 0.1
    table[follow_up["status"]] = np.where(dead, "dead", np.where(lost, "lost", "alive")).astype(object)
    for name in _events(follow_up):
        happened = rng.random(n) < 0.35
        table[name] = np.where(happened, index + rng.integers(90, 390, n), np.nan)
    outcomes(table, use_case)


def _events(follow_up: dict) -> list[str]:
    named = [name for entry in follow_up["outcomes"].values() for name in (*entry["events"], *entry["competing"])]
    return [name for name in dict.fromkeys(named) if name != follow_up["death"]]


def outcomes(table: pd.DataFrame, use_case: dict) -> None:
    """Puts times and statuses of all outcomes beside their dates, and the flags that say whether they happened."""
    follow_up = use_case["follow_up"]
    for entry in follow_up["outcomes"].values():
        table[entry["time"]], table[entry["status"]] = outcome(table, follow_up, entry)
        if entry.get("known"):
            table[entry["known"]] = table[entry["events"][0]].notna().astype(float)


def outcome(table: pd.DataFrame, follow_up: dict, entry: dict) -> tuple[np.ndarray, np.ndarray]:
    """Years and status by hand: the first event, else the first competing one, else the last contact or death."""
    index = table[follow_up["index"]].to_numpy()
    seen = table[[follow_up["last_contact"], follow_up["death"], *_events(follow_up)]].max(axis=1).to_numpy()
    event = table[list(entry["events"])].min(axis=1).to_numpy()
    other = np.full(len(table), np.nan)
    if entry["competing"]:
        other = table[list(entry["competing"])].min(axis=1).to_numpy()
    status = np.where(event <= np.nan_to_num(other, nan=np.inf), 1.0, np.where(np.isnan(other), 0.0, 2.0))
    day = np.where(status == 1, event, np.where(status == 2, other, seen))
    years = (day - index) / DAYS_PER_YEAR
    return years, np.where(np.isnan(years), np.nan, status)


def karyotypes(table: pd.DataFrame, use_case: dict, seed: int) -> None:
    """Karyotypes with their features; sex must be known."""
    rng = np.random.default_rng(seed)
    name = next(name for name, spec in use_case["variables"].items() if spec["type"] == "karyotype")
    chosen = [KARYOTYPES[place] for place in rng.integers(0, len(KARYOTYPES), len(table))]
    pairs = np.where(table["sex"] == "M", "XY", "XX")
    table[name] = [text.format(s=pair) for (text, *_), pair in zip(chosen, pairs, strict=True)]
    for variable, spec in use_case["variables"].items():
        match spec.get("karyotype"):
            case None:
                continue
            case "n_abn":
                table[variable] = [float(number) for _, number, _, _ in chosen]
            case "cyto_ipssr":
                table[variable] = np.array([category for _, _, category, _ in chosen], dtype=object)
            case "complex":
                table[variable] = [float(number >= 3) for _, number, _, _ in chosen]
            case feature:
                table[variable] = [float(feature in found) for *_, found in chosen]


def expected(table: pd.DataFrame, use_case: dict, delivered: set[str]) -> pd.DataFrame:
    """The harmonized table of these patients: what the source does not deliver is unknown, the rest is computed from it."""
    n, columns = len(table), {}
    for name, spec in use_case["variables"].items():
        text = spec["type"] not in ("number", "flag")
        if name not in table or name not in delivered:
            columns[name] = np.full(n, None, dtype=object) if text else np.full(n, np.nan)
        else:
            columns[name] = table[name].to_numpy()
    columns = derive(columns, use_case)
    kept = {name: use_case["variables"].get(name, {}).get("type") for name in columns}
    out = {name: values for name, values in columns.items() if kept[name] not in NOT_KEPT}
    out = {**out, **score_columns(pd.DataFrame(out), use_case)}
    for name, spec in use_case["endpoints"].items():
        out |= dict(zip((f"{name}_entry", f"{name}_time", f"{name}_event"), _endpoint(spec, columns, n), strict=True))
    return pd.DataFrame(out)


def _endpoint(spec: dict, columns: dict, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Entry, time and event by hand; from a landmark on only those who were followed beyond it without the event."""
    time, event = (parse(spec[part]).evaluate(columns) for part in ("time", "event"))
    entry = parse(spec["entry"]).evaluate(columns) if spec.get("entry") else np.zeros(n)
    landmark = spec.get("landmark") or 0.0
    with np.errstate(invalid="ignore"):
        unknown = np.isnan(time) | np.isnan(event) | np.isnan(entry) | (time - entry <= landmark)
    late, earlier = (landmark, 0.0) if spec.get("entry") else (0.0, landmark)
    return tuple(np.where(unknown, np.nan, values) for values in (entry + late, time - earlier, event))


def derive(columns: dict, use_case: dict) -> dict:
    """Adds the use case's derived variables."""
    n = len(next(iter(columns.values())))
    for name, spec in use_case["derived"].items():
        expression = parse(spec["expression"])
        columns[name] = (
            expression.evaluate_text(columns) if spec["type"] == "category" else expression.evaluate(columns)
        )
        if len(columns[name]) != n:
            columns[name] = np.broadcast_to(columns[name][:1], (n,)).copy()
    return columns
