"""Number columns: marks, numbers, units, upper limits, ranges, and what is said of each cell that is removed or doubted.

A column that cannot be read as a whole (marks that contradict each other, a unit that nobody stated and the values do not
tell, a second population in another unit) is nulled with one finding that names the remedy; if the variable is an outcome,
without which there is nothing to study, it is an error.
"""

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.findings import CONSTANT_DOUBTED, CONSTANT_NULLED, Finding, Harmonized, everywhere
from hemapilots.harmonize.reading.inference import inside, outside
from hemapilots.harmonize.reading.marks import Marks, Undecided, decide
from hemapilots.harmonize.reading.missing import declared_codes, findings_of, missing_reasons, sentinels_of
from hemapilots.harmonize.reading.numbers import (
    ABOUT,
    ABOVE,
    BELOW,
    DAYS,
    DURATION,
    EXACT,
    RANGE,
    Numbers,
    parse_plain,
    read_numbers,
    to_floats,
)
from hemapilots.harmonize.reading.raw import Raw, Texts, as_texts
from hemapilots.harmonize.reading.source import Source
from hemapilots.harmonize.reading.stated_units import Stated, Stop, state
from hemapilots.harmonize.reading.units import known
from hemapilots.support import MINIMUM_SUPPORT

__all__ = ["number_column"]

# As large a share of the soft range's upper end may a limit be of which half is taken; a greater one says too little.
_LIMIT_SHARE = 0.1
# As often must a number outside the hard range stand in a column to be taken for a code.
_REPEATED = 3
# Of so many values on, one that is the same for everybody is not a measurement. Of fewer it is doubted, but never of so few that the
# doubt would tell of single patients.
_CONSTANT = 30
# Units of a laboratory: an amount per volume, and per cent of cells. Doses, times and sizes may be the same for everybody.
_LABORATORY = re.compile(r"%|.+/[a-zA-Z0-9.]*L(\{.*\})?|/[un]L|/mm3|fL|pg|mg/m?mol|mg/g")
# In a column of numbers these may mean that nothing was found, which is a number.
_NO_NUMBERS = frozenset({"none", "nil"})
_INCLUSIVE = re.compile(r"\s*(?:>\s*=|[≥⩾])")


def number_column(raw: Raw, source: Source) -> Harmonized:
    """float64 values in the unit of the use case, nan unknown, and findings."""
    texts = as_texts(raw.texts)
    reasons = missing_reasons(texts, declared_codes(source.declared, source.mapping), but=_NO_NUMBERS)
    fixed, is_fixed = _fixed_values(texts, source)
    reasons[is_fixed] = np.where(np.isnan(fixed[is_fixed]), "missing", None)
    todo = pd.isna(reasons) & ~is_fixed
    array = texts.array
    try:
        marks = _marks(array, texts, todo, source)
        numbers = read_numbers(array, todo, marks, _resolver(source), _time(source.spec))
        cell = _Column(texts, reasons, fixed, is_fixed, todo, numbers, marks, source)
        return cell.read(raw)
    except Stop as stop:
        return _refused(texts, reasons, source, stop)


def _refused(texts: Texts, reasons: np.ndarray, source: Source, stop: Stop) -> Harmonized:
    detail = f'column "{source.column}": {stop}'
    if source.spec.get("known_at") == "outcome":
        raise HemaPilotsError(f"{source.where}: {detail}")
    delivered = texts.spread(pd.isna(reasons), False)
    findings = [*findings_of(texts, reasons), Finding("null", stop.reason, detail, everywhere(delivered), whole=True)]
    return Harmonized(np.full(len(texts.codes), np.nan), [finding for finding in findings if finding.cells.size])


def _fixed_values(texts: Texts, source: Source) -> tuple[np.ndarray, np.ndarray]:
    """Canonical numbers of texts that the mapping lists under `values` (nan: unknown), and which texts these are."""
    fixed, listed = np.full(len(texts.texts), np.nan), np.zeros(len(texts.texts), dtype=bool)
    for text, value in (source.declared.get("values") or {}).items():
        same = texts.texts == str(text).strip()
        listed |= same
        try:
            fixed[same] = np.nan if value is None else float(value)
        except (TypeError, ValueError):
            raise HemaPilotsError(f'{source.where}.values: "{value}" is not a number; give one, or null') from None
    return fixed, listed


def _time(spec: dict) -> str | None:
    return spec.get("unit") if spec.get("unit") in DAYS else None


def _resolver(source: Source):
    names, unit = getattr(source.factors, "names", None), source.spec.get("unit")
    seen: dict[str, str | None] = {}

    def resolve(text: str) -> str | None:
        if text not in seen:
            seen[text] = names.resolve(text, unit, source.mapping.get("language")) if names is not None else None
        return seen[text]

    return resolve


def _marks(array: pa.Array, texts: Texts, todo: np.ndarray, source: Source) -> Marks:
    kept = array.filter(pa.array(todo))
    spec, unit = source.spec, source.declared.get("unit")
    made = None
    # Multiples of a limit of normal have no unit to convert: to look for one would load every definition of UCUM.
    of_limit = source.declared.get("uln") or source.declared.get("uln_column")
    if unit and unit != "infer" and not of_limit:
        made = known(source.name, unit, spec.get("unit"), source.factors)
    counts = texts.counts()[todo]

    def fits(marks: Marks, mask: np.ndarray) -> tuple[bool | None, bool | None]:
        values = to_floats(parse_plain(kept, marks))[mask]
        weights = counts[mask][~np.isnan(values)]
        values = values[~np.isnan(values)]
        if made is None or not len(values):
            return None, None
        values = made.apply(values)
        hard = soft = None
        if spec.get("hard"):
            hard = bool(np.average(inside(values, spec["hard"]), weights=weights) >= 0.95)
        if spec.get("soft"):
            soft = bool(inside(np.array([np.median(np.repeat(values, weights))]), spec["soft"])[0])
        return hard, soft

    try:
        return decide(kept, counts, source.form("decimal"), source.form("thousands"), fits)
    except Undecided as problem:
        raise Stop("unit_conflict", f"{problem}; declare `decimal` and `thousands`") from None


class _Column:
    """The state of reading one number column, per cell once the units are known."""

    def __init__(self, texts, reasons, fixed, is_fixed, todo, numbers: Numbers, marks: Marks, source: Source):
        self.texts, self.reasons, self.fixed, self.is_fixed = texts, reasons, fixed, is_fixed
        self.todo, self.numbers, self.marks, self.source = todo, numbers, marks, source
        self.said: list[Finding] = []

    def read(self, raw: Raw) -> Harmonized:
        spread, spec = self.texts.spread, self.source.spec
        self._gene_counts()
        sentinel = self._sentinels()
        stated: Stated = state(self.texts, self.numbers, raw, self.source, sentinel)
        values = stated.values
        values = np.where(spread(self.is_fixed, False), spread(self.fixed, np.nan), values)
        unread = spread(self.todo & np.isnan(self.numbers.values) & ~self.is_fixed, False)
        self._say("null", "parse_error", f'not a number with "{self.marks.decimal}"', unread)
        self.said += stated.findings
        values = self._limits(values)
        repeated = self._repeated(values)
        self._say("null", "sentinel", "a number that stands for unknown", spread(sentinel, False) | repeated)
        wrong = outside(values, spec.get("hard")) & ~repeated
        self._say("null", "range_hard", _range(spec.get("hard"), spec.get("unit")), wrong)
        negative = np.where(wrong & (values < 0), values, np.nan)
        values = np.where(wrong | repeated, np.nan, values)
        values = self._constant(values)
        self._doubts(values)
        findings = [*findings_of(self.texts, self.reasons), *self._final(values)]
        return Harmonized(values, findings, None if np.isnan(negative).all() else negative)

    def _say(self, status: str, reason: str | None, detail: str, mask: np.ndarray, whole: bool = False) -> None:
        if mask.any():
            self.said.append(Finding(status, reason, detail, everywhere(mask), whole))

    def _gene_counts(self) -> None:
        """How many mutations of a gene there are may be said in words."""
        spec = self.source.spec
        if not spec.get("gene") or spec.get("of_variants") != "count":
            return
        from hemapilots.harmonize.genetics.genes import read_gene_counts

        places = np.flatnonzero(self.todo & np.isnan(self.numbers.values))
        counts, _ = read_gene_counts(self.texts.texts[places], spec["gene"])
        known = ~np.isnan(counts)
        self.fixed[places[known]] = counts[known]
        self.is_fixed[places[known]] = True

    def _sentinels(self) -> np.ndarray:
        codes = sentinels_of(self.source.declared, self.source.mapping)
        return self.todo & (self.numbers.kind == EXACT) & np.isin(self.numbers.values, codes)

    def _limits(self, values: np.ndarray) -> np.ndarray:
        """Half of a lower limit of detection and the upper limit itself, where they say enough."""
        kind = self.texts.spread(self.numbers.kind, EXACT)
        below, above = kind == BELOW, kind == ABOVE
        if self._is_count():
            return self._limits_of_counts(values, below, above, kind == RANGE)
        if not (below | above).any():
            return values
        soft, unit = self.source.spec.get("soft"), self.source.spec.get("unit")
        percent = unit == "%"
        low, top = soft or ((None, 20.0) if percent else (None, None))
        with np.errstate(invalid="ignore"):
            weak = below & (values > _LIMIT_SHARE * top) if top is not None else np.zeros(len(values), dtype=bool)
            if low is not None:
                weak &= values > low
            if percent:
                weak |= above & (values < 0.5 * (soft[1] if soft else 100.0))
        self._say("null", "below_lod", "the limit is too high for half of it to stand for the value", weak & below)
        self._say("null", "above_uloq", "the limit is too low to stand for the value", weak & above)
        values = np.where(below, values / 2, values)
        return np.where(weak, np.nan, values)

    def _is_count(self) -> bool:
        """A number of things: of mutations or of abnormalities, or else whole numbers without a unit, up to a whole number."""
        spec = self.source.spec
        if spec.get("of_variants") == "count":
            return True
        if spec.get("unit") != "1" or spec.get("of_variants") or spec.get("role") == "score":
            return False
        exact = self.numbers.values[(self.numbers.kind == EXACT) & ~np.isnan(self.numbers.values)]
        whole = [limit is not None and limit == round(limit) for limit in spec.get("hard") or (None,)]
        return spec.get("karyotype") is not None or (
            all(whole) and spec["hard"][1] > 1 and len(exact) > 0 and bool((exact == np.round(exact)).all())
        )

    def _limits_of_counts(self, values: np.ndarray, below, above, spans) -> np.ndarray:
        """More than k is k + 1, k or more is k; fewer than k, and two to three, are no number of things."""
        self._say("null", "below_lod", "a limit says too little of a count", below)
        self._say("null", "parse_error", "a range is not a count", spans)
        whole = np.array([_INCLUSIVE.match(text) is not None for text in self.texts.texts], dtype=bool)
        values = np.where(above & ~self.texts.spread(whole, False), values + 1, values)
        return np.where(below | spans, np.nan, values)

    def _repeated(self, values: np.ndarray) -> np.ndarray:
        """Whole numbers outside the hard range that stand in the column three times or more: codes and not measurements.

        Not of an outcome, whose codes must be declared: a negative time stops the run, however often it occurs.
        """
        hard = self.source.spec.get("hard")
        stated = self.texts.spread(self.numbers.values, np.nan)
        with np.errstate(invalid="ignore"):
            wrong = outside(values, hard) & (stated == np.round(stated))
        if not wrong.any() or self.source.spec.get("known_at") == "outcome":
            return np.zeros(len(values), dtype=bool)
        numbers, counts = np.unique(stated[wrong], return_counts=True)
        return wrong & np.isin(stated, numbers[counts >= _REPEATED])

    def _constant(self, values: np.ndarray) -> np.ndarray:
        """A measurement of the laboratory that is the same for everybody was not measured; of other numbers it is doubted."""
        spec, known = self.source.spec, ~np.isnan(values)
        measured = spec.get("unit") not in (None, "1") and spec.get("known_at") not in (None, "outcome")
        if known.sum() < MINIMUM_SUPPORT or not measured:
            return values
        only = values[known][0]
        if only == 0 or (values[known] != only).any():
            return values
        if (
            self.texts.spread(self.numbers.kind, EXACT)[known] != EXACT
        ).any():  # everybody below one limit of detection
            return values
        few = known.sum() < _CONSTANT
        if few or spec.get("known_at") != "index" or not _LABORATORY.fullmatch(spec["unit"]):
            self._say("flagged", "contradiction", CONSTANT_DOUBTED, known, whole=True)
            return values
        self._say("null", "missing", CONSTANT_NULLED, known, whole=True)
        return np.full(len(values), np.nan)

    def _doubts(self, values: np.ndarray) -> None:
        spec, spread, known = self.source.spec, self.texts.spread, ~np.isnan(values)
        self._say(
            "flagged", "range_soft", _range(spec.get("soft"), spec.get("unit")), outside(values, spec.get("soft"))
        )
        kind = spread(self.numbers.kind, EXACT)
        for which, reason, detail in (
            (BELOW, "below_lod", "half of the limit of detection"),
            (ABOVE, "above_uloq", "the upper limit of quantification"),
            (ABOUT, "approximate", "stated as approximate"),
            (RANGE, "approximate", "the middle of a range"),
        ):
            self._say("flagged", reason, detail, known & (kind == which))
        self._say("mapped", None, "a duration in several units", known & (kind == DURATION), whole=True)
        flagged = spread(self.numbers.flagged, False)
        self._say("mapped", None, "a laboratory's flag was removed", known & flagged, whole=True)
        if self.marks.decided:
            marked = np.asarray(pc.match_substring_regex(self.texts.array, r"[0-9][^0-9a-zA-Z][0-9]"))
            self._say(
                "inferred", "form_inferred", self.marks.decided, known & spread(marked.astype(bool), False), whole=True
            )

    def _final(self, values: np.ndarray) -> list[Finding]:
        """Findings about a conversion or a doubt hold for values that are left; each removed value has its reason once."""
        known = ~np.isnan(values)
        gone = np.zeros(len(values), dtype=bool)
        result = []
        for finding in self.said:
            cells = finding.cells
            if finding.status == "null":
                cells = cells[~gone[cells] & ~known[cells]]
                gone[cells] = True
            else:
                cells = cells[known[cells]]
            if cells.size:
                result.append(Finding(finding.status, finding.reason, finding.detail, cells, finding.whole))
        return result


def _range(limits: list | None, unit: str | None) -> str:
    low, high = limits or (None, None)
    low, high = ("-inf" if low is None else f"{low:g}"), ("inf" if high is None else f"{high:g}")
    return f"outside {low} to {high} {unit or ''}".strip()
