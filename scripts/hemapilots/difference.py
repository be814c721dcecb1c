"""Do two results folders say the same? Tables are matched by their key columns, verdicts field by field.

Numbers agree where |a - b| <= tolerance * max(1, |a|, |b|): relative for numbers above one, absolute below, where rounding decides.
"""

import json
import math
from pathlib import Path

import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.yaml_source import read_yaml

__all__ = ["RESULT_FILES", "differences", "json_differences", "table_differences"]

NUMBERS = ("estimate", "lower", "upper", "n", "events", "difference", "p")
RESULT_FILES = ("metrics.csv", "comparisons.csv", "verdict.json")


def differences(first: Path, second: Path, tolerance: float = 1e-6) -> list[str]:
    """What differs between the result files of two folders, one line each; empty where they agree.

    A pilot and its variants are compared without regard to the name of the scenario. Raises HemaPilotsError where a folder has none of
    the files, where they are of different pilots, or a file cannot be read.
    """
    for folder in (first, second):
        if not any((folder / name).is_file() for name in RESULT_FILES):
            raise HemaPilotsError(
                f"{folder}: none of {', '.join(RESULT_FILES)} is there; name a folder such as results/<pilot>"
            )
    pilots = [_pilot(folder) for folder in (first, second)]
    known = None not in pilots
    if known and len({pilot.partition("+")[0] for pilot in pilots}) > 1:
        raise HemaPilotsError(
            f"{first}, {second}: results of two pilots, {pilots[0]} and {pilots[1]}; name two runs of the same pilot, or a pilot "
            "and its variant"
        )
    found, aside = [], ("scenario",) if known and pilots[0] != pilots[1] else ()
    for name in RESULT_FILES:
        compare = table_differences if name.endswith(".csv") else json_differences
        there = [folder for folder in (first, second) if (folder / name).is_file()]
        if len(there) == 2:
            found += [f"{name}: {line}" for line in compare(first / name, second / name, tolerance, aside)]
        elif there:
            found.append(f"{name}: only in {there[0]}")
    return found


def _pilot(folder: Path) -> str | None:
    """Whose results a folder holds, if its protocol is there."""
    path = folder / "protocol.yaml"
    return read_yaml(path)[0].get("pilot") if path.is_file() else None


def table_differences(first: Path, second: Path, tolerance: float = 1e-6, aside: tuple[str, ...] = ()) -> list[str]:
    """What differs between two tables, columns `aside` left out: rows that only one has (with `aside` their number), then values."""
    left, right = (_read(path).drop(columns=list(aside), errors="ignore") for path in (first, second))
    if list(left) != list(right):
        return [f"columns differ: {', '.join(left)} against {', '.join(right)}"]
    keys = [name for name in left if name not in NUMBERS]
    merged = left.merge(right, on=keys, how="outer", suffixes=("", " "), indicator="in", sort=False)
    where = {"left_only": first, "right_only": second}
    if aside:
        # A variant has models and endpoints of its own: how many rows is enough.
        alone = [f"rows only in {path}: {size}" for one, path in where.items() if (size := (merged["in"] == one).sum())]
    else:
        alone = [f"{_words(row, keys)}: only in {where[row['in']]}" for row in _records(merged[merged["in"] != "both"])]
    found = []
    for row in _records(merged[merged["in"] == "both"]):
        for name in (name for name in left if name in NUMBERS):
            if not same(row[name], row[f"{name} "], tolerance):
                found.append(f"{_words(row, keys)}: {name} {row[name]} against {row[f'{name} ']}")
    return alone + found


def json_differences(first: Path, second: Path, tolerance: float = 1e-6, aside: tuple[str, ...] = ()) -> list[str]:
    """What differs between two JSON files, fields `aside` of the whole left out."""
    try:
        records = [json.loads(path.read_text("utf-8")) for path in (first, second)]
    except json.JSONDecodeError as error:
        raise HemaPilotsError(f"{first} or {second}: not valid JSON ({error}); make it anew") from None
    if aside:
        records = [{name: value for name, value in record.items() if name not in aside} for record in records]
    return _walk(*records, "", tolerance)


def same(left, right, tolerance: float) -> bool:
    """Equal as text, or as numbers within the tolerance."""
    if left == right:
        return True
    try:
        a, b = float(left), float(right)
    except (TypeError, ValueError):
        return False
    return math.isfinite(a) and math.isfinite(b) and abs(a - b) <= tolerance * max(1, abs(a), abs(b))


def _walk(left, right, where: str, tolerance: float) -> list[str]:
    if isinstance(left, dict) and isinstance(right, dict):
        keys = list(dict.fromkeys([*left, *right]))
        return [
            line
            for key in keys
            for line in _walk(left.get(key), right.get(key), f"{where}.{key}" if where else key, tolerance)
        ]
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        return [
            line
            for at, pair in enumerate(zip(left, right, strict=True))
            for line in _walk(*pair, f"{where}[{at}]", tolerance)
        ]
    plain = not isinstance(left, bool) and not isinstance(right, bool)
    return [] if left == right or (plain and same(left, right, tolerance)) else [f"{where}: {left} against {right}"]


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, OSError) as error:
        raise HemaPilotsError(f"{path}: cannot be read as a table ({error}); make it anew") from None


def _records(table: pd.DataFrame) -> list[dict]:
    return table.to_dict("records")


def _words(row: dict, keys: list[str]) -> str:
    return " ".join(str(row[key]) for key in keys if row[key] != "")
