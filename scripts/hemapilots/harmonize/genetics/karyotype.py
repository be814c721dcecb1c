"""Karyotypes to counts, flags and categories: which abnormalities are clonal and distinct, then the rules of a table.

What an abnormality is called is the grammar of `abnormality`; what counts, which features exist and how categories are
decided stands in resources/codes/karyotype.yaml and not here.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.expressions import Expression, parse
from hemapilots.harmonize.findings import Finding, everywhere
from hemapilots.harmonize.genetics.clonal import Counted, Thresholds, count
from hemapilots.harmonize.genetics.iscn import read
from hemapilots.harmonize.genetics.spoken import Words, tokens
from hemapilots.harmonize.reading.words import missing_words
from hemapilots.paths import RESOURCES

__all__ = ["KaryotypeColumns", "Rules", "features", "load_rules", "read_karyotypes"]

TABLE = RESOURCES / "codes" / "karyotype.yaml"


@dataclass
class KaryotypeColumns:
    """features: a column per feature of the table; flags and counts float64 (nan), categories object (None)."""

    features: dict[str, np.ndarray]
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class Rules:
    """resources/codes/karyotype.yaml, compiled."""

    words: Words
    thresholds: Thresholds
    patterns: dict[str, tuple[re.Pattern, ...]]
    flags: dict[str, Expression]
    categories: dict[str, tuple[tuple[Expression, str], ...]]


@lru_cache(maxsize=4)
def load_rules(path: Path = TABLE) -> Rules:
    """The table. Raises HemaPilotsError where it is not of its form."""
    from hemapilots.yaml_source import read_yaml

    table, _ = read_yaml(path)
    try:
        words = {name: tuple(tokens(str(word)) for word in of) for name, of in table["words"].items()}
        return Rules(
            words=Words(**words),
            thresholds=Thresholds(
                cells={kind: int(number) for kind, number in table["clonal"].items()},
                inborn=_compiled(table["constitutional"]["names"]),
                inborn_sex=frozenset(table["constitutional"]["sexes"]),
                completed={str(name): str(gain) for name, gain in table["completed"].items()},
            ),
            patterns={name: _compiled(of) for name, of in table["features"].items()},
            flags={name: parse(str(text)) for name, text in table["flags"].items()},
            categories={
                name: tuple((parse(str(rule["when"])), str(rule["category"])) for rule in rules)
                for name, rules in table["categories"].items()
            },
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise HemaPilotsError(
            f"{path}: not a karyotype table ({type(error).__name__}: {error}); compare it with the one that comes with the project"
        ) from None


def _compiled(patterns: Iterable[str]) -> tuple[re.Pattern, ...]:
    """Names in which `*` stands for any text without `)`."""
    return tuple(
        re.compile("[^)]*".join(re.escape(part) for part in str(name).lower().split("*"))) for name in patterns
    )


def read_karyotypes(texts: np.ndarray, sex: np.ndarray | None = None, rules: Rules | None = None) -> KaryotypeColumns:
    """Features of karyotypes as delivered.

    texts: object, None where missing. sex: object, beginning with F or M, None unknown. A text that is not understood gives
    unknown features and a finding; a lost Y in a female rejects the record.
    """
    rules = rules or load_rules()
    codes, distinct = pd.factorize(np.asarray(texts, dtype=object), use_na_sentinel=True)
    sexes = np.full(len(codes), "", dtype=object) if sex is None else _initials(sex)
    pairs, pair_codes = _pairs(codes, sexes)
    counted = [None if code < 0 else _counted(str(distinct[code]), letter, rules) for code, letter in pairs]
    per_pair = features(counted, rules)
    columns = {name: values[pair_codes] for name, values in per_pair.items()}
    return KaryotypeColumns(columns, _findings(counted, pairs, pair_codes))


def _counted(text: str, letter: str, rules: Rules) -> Counted:
    """What is counted in a text; a usual word for a missing value that says nothing of a culture means just that."""
    reading, reason = read(text, rules.words), missing_words().get(text.strip().casefold())
    if reading.kind == "unread" and reason:
        return Counted(np.nan, np.nan, None, (("null", reason, ""),))
    return count(reading, letter, rules.thresholds)


def _initials(sex: np.ndarray) -> np.ndarray:
    initials = [str(value).strip().upper()[:1] if isinstance(value, str) else "" for value in sex]
    return np.array([letter if letter in ("F", "M") else "" for letter in initials], dtype=object)


def _pairs(codes: np.ndarray, sexes: np.ndarray) -> tuple[list[tuple[int, str]], np.ndarray]:
    """Distinct (text, sex), in the order of their first cell, and which of them each cell has."""
    which = {letter: at for at, letter in enumerate(("", "F", "M"))}
    joint = (codes.astype(np.int64) + 1) * 3 + np.array([which[letter] for letter in sexes], dtype=np.int64)
    pair_codes, found = pd.factorize(joint)
    return [(int(key) // 3 - 1, ("", "F", "M")[int(key) % 3]) for key in found], pair_codes


def _findings(counted: list[Counted | None], pairs: list, pair_codes: np.ndarray) -> list[Finding]:
    """One finding for each (status, reason, detail), with all its cells."""
    cells: dict[tuple, np.ndarray] = {}
    for at, (entry, (_, letter)) in enumerate(zip(counted, pairs, strict=True)):
        remarks = list(entry.remarks) if entry else []
        if entry and entry.loses_y and letter == "F":
            remarks.append(("rejected", "contradiction", "a lost Y chromosome in a female"))
        for remark in remarks:
            cells.setdefault(remark, np.zeros(len(pairs), dtype=bool))[at] = True
    return [Finding(*remark, everywhere(which[pair_codes])) for remark, which in sorted(cells.items())]


def features(counted: list[Counted | None], rules: Rules) -> dict[str, np.ndarray]:
    """Every feature, flag and category of the table for each entry."""
    at_least = np.array([entry.at_least if entry else np.nan for entry in counted], dtype=float)
    at_most = np.array([entry.at_most if entry else np.nan for entry in counted], dtype=float)
    table = {"at_least": at_least, "at_most": at_most, "n_abn": np.where(at_least == at_most, at_least, np.nan)}
    table["independent"] = np.array([_independent(entry) for entry in counted], dtype=float)
    met = _Lookup(rules.patterns)
    for name in rules.patterns:
        table[name] = np.array([_has(entry, name, met) for entry in counted], dtype=float)
    for name, expression in rules.flags.items():
        table[name] = expression.evaluate(table)
    for name, decisions in rules.categories.items():
        table[name] = _decide(decisions, table, len(counted))
    return {name: values for name, values in table.items() if name not in ("at_least", "at_most", "independent")}


def _independent(entry: Counted | None) -> float:
    return np.nan if entry is None or entry.names is None else float(entry.independent)


class _Lookup(dict):
    """names of an abnormality -> the features that it is; worked out once for each abnormality."""

    def __init__(self, patterns: dict[str, tuple[re.Pattern, ...]]):
        super().__init__()
        self.patterns = patterns

    def __missing__(self, names: frozenset[str]) -> frozenset[str]:
        self[names] = frozenset(
            feature
            for feature, patterns in self.patterns.items()
            if any(pattern.fullmatch(name) for name in names for pattern in patterns)
        )
        return self[names]


def _has(entry: Counted | None, feature: str, met: _Lookup) -> float:
    if entry is None:
        return np.nan
    if any(feature in met[names] for names in entry.names or ()):
        return 1.0
    # What was not understood may have been it.
    return np.nan if entry.names is None or np.isnan(entry.at_most) else 0.0


def _decide(decisions, table: dict, rows: int) -> np.ndarray:
    """The first rule that is true decides; one that cannot be decided before it leaves the category unknown."""
    result = np.full(rows, None, dtype=object)
    pending = np.ones(rows, dtype=bool)
    for condition, category in decisions:
        holds = condition.evaluate(table)
        result[pending & (holds == 1)] = category
        pending &= holds == 0
    return result
