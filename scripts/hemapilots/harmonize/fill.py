"""A variable without a value in its own column gets one from elsewhere: an expression of the mapping, the karyotype, the variants.

The column stands. Where another source knows another value the cell is flagged `contradiction`; only an age that is computed
from the date of birth outranks a delivered one, by more than a year and if a patient can be so old.
"""

import numpy as np

from hemapilots.errors import HemaPilotsError
from hemapilots.expressions import parse
from hemapilots.harmonize.cells import TEXT_TYPES, Cells, blank, unknown
from hemapilots.harmonize.findings import Finding, Harmonized
from hemapilots.harmonize.genetics import variants
from hemapilots.harmonize.genetics.karyotype import read_karyotypes
from hemapilots.harmonize.observations import disagree
from hemapilots.harmonize.reading.inference import outside
from hemapilots.harmonize.records import Source
from hemapilots.harmonize.work import Work

__all__ = ["derive", "fill", "sex_variable"]

YEAR = 1.0


def fill(work: Work, source: Source, use_case: dict, mapping: dict) -> None:
    """Fills the variables of the use case; a derived one after those that its expression reads."""
    others = _karyotype(work, use_case, mapping)
    for name, column in _variants(source, use_case, mapping).items():
        others.setdefault(name, []).append(("the table of variants", column))
    derived = mapping.get("derived") or {}
    for name in order(derived, use_case["variables"]):
        if name in derived:
            derive(work, name, use_case, mapping)
        for detail, column in others.get(name, ()):
            _take(work.cells[name], column, detail, exact=work.kinds[name] != "number")


def order(derived: dict, variables) -> list[str]:
    """The variables, each after those that its derivation reads. Raises HemaPilotsError where derivations go in a circle."""
    done, open_ = {}, []

    def visit(name: str) -> None:
        if name in done:
            return
        if name in open_:
            raise HemaPilotsError(f"derived.{name}: it is derived from itself by way of others; break the circle")
        open_.append(name)
        for read in parse(str(derived[name])).names if name in derived else ():
            if read != name and read in variables:
                visit(read)
        open_.remove(name)
        done[name] = None

    for name in variables:
        visit(name)
    return list(done)


def derive(work: Work, name: str, use_case: dict, mapping: dict) -> None:
    """Fills one variable by the mapping's expression."""
    text, kind, cells = mapping["derived"][name], work.kinds[name], work.cells[name]
    where = f"mapping {mapping.get('name', '')}, derived.{name}"
    values = work.evaluate(text, where, kind)
    _check_values(values, use_case["variables"][name], where)
    birth = (use_case.get("follow_up") or {}).get("birth")
    if birth is not None and birth in parse(str(text)).names and kind == "number":
        with np.errstate(invalid="ignore"):
            older = (np.abs(cells.values - values) > YEAR) & ~outside(values, use_case["variables"][name].get("hard"))
        cells.values = np.where(older, values, cells.values)
        cells.say("flagged", "contradiction", "recomputed from the date of birth", older)
        _take(cells, Harmonized(values), "the mapping's expression", exact=False, silent=True)
        return
    _take(cells, Harmonized(values), "the mapping's expression", exact=kind != "number")


def _check_values(values: np.ndarray, spec: dict, where: str) -> None:
    known = values[~unknown(values)]
    levels = set(spec.get("levels") or ())
    if spec["type"] == "flag" and (odd := int((~np.isin(known, (0, 1))).sum())):
        raise HemaPilotsError(f"{where}: {odd} records are neither 0 nor 1; mend the expression")
    if spec["type"] == "category" and levels and (wrong := sorted({str(value) for value in known} - levels)):
        raise HemaPilotsError(
            f'{where}: "{wrong[0]}" is no level of the variable; use one of {", ".join(sorted(levels))}'
        )


def _take(cells: Cells, column: Harmonized, detail: str, exact: bool, silent: bool = False) -> None:
    """Fills cells from another column and says where the two know different values."""
    values = column.values
    both = ~cells.unknown & ~unknown(values)
    if both.any() and not silent:
        differ = both.copy()
        differ[both] = disagree(cells.values[both], values[both], exact)
        cells.say("flagged", "contradiction", f"{detail} gives another value", differ)
    cells.found_elsewhere()
    filled = cells.fill(values, f"from {detail}")
    _add_reasons(cells, column.findings, filled)


def _add_reasons(cells: Cells, findings: list[Finding], filled: np.ndarray) -> None:
    """What the other column says of the cells that it gave, and of those that nobody knows for no better reason."""
    open_ = cells.unknown
    for finding in cells.findings:
        if finding.status == "null" and finding.reason != "missing":
            open_[finding.cells] = False
    for finding in findings:
        mask = np.zeros(len(open_), dtype=bool)
        mask[finding.cells] = True
        if finding.status == "null":
            mask &= open_
            open_ = open_ & ~mask
            # Before what the own column says, which is that it is missing.
            if mask.any():
                cells.findings.insert(
                    0, Finding("null", finding.reason, finding.detail, np.flatnonzero(mask), finding.whole)
                )
        elif not finding.whole:
            cells.say(finding.status, finding.reason, finding.detail, mask & (filled | (finding.status == "rejected")))


def sex_variable(use_case: dict) -> str | None:
    """The variable that holds the sex of a patient: by its vocabulary, else by its name."""
    variables = use_case["variables"]
    named = [name for name, spec in variables.items() if spec.get("vocabulary") == "sex"]
    return next(iter(named), "sex" if "sex" in variables else None)


def _karyotype(work: Work, use_case: dict, mapping: dict) -> dict[str, list[tuple[str, Harmonized]]]:
    """What the karyotype says of each variable that is one of its features; findings about the karyotype go to it."""
    variables = use_case["variables"]
    name = next((name for name, spec in variables.items() if spec["type"] == "karyotype"), None)
    if name is None:
        return {}
    if name in (mapping.get("derived") or {}):
        derive(work, name, use_case, mapping)
    cells, sex = work.cells[name], sex_variable(use_case)
    if not cells.sourced:
        return {}
    read = read_karyotypes(cells.values, work.cells[sex].values if sex else None)
    reasons = [finding for finding in read.findings if finding.status == "null"]
    filled = {}
    for variable, spec in variables.items():
        feature = spec.get("karyotype")
        if not feature:
            continue
        if feature not in read.features:
            raise HemaPilotsError(
                f'variables.{variable}.karyotype: "{feature}" is no feature of a karyotype; use one of {", ".join(read.features)}'
            )
        values = read.features[feature]
        values = (
            values if (values.dtype == object) == (spec["type"] in TEXT_TYPES) else blank(spec["type"], len(values))
        )
        filled[variable] = [("the karyotype", Harmonized(values, reasons))]
    known = ~cells.unknown
    for finding in read.findings:
        mask = np.zeros(len(known), dtype=bool)
        mask[finding.cells] = True
        if finding.status == "null":
            cells.null(mask, finding.reason, finding.detail)
        else:
            cells.say(finding.status, finding.reason, finding.detail, mask & known, finding.whole)
    return filled


def _variants(source: Source, use_case: dict, mapping: dict) -> dict[str, Harmonized]:
    """What the table of variants says of the variables that name a gene."""
    if not mapping.get("variants"):
        return {}
    return variants.gene_values(
        source.variants,
        source.patients,
        {name: spec for name, spec in use_case["variables"].items() if spec.get("gene")},
        mapping["variants"],
        mapping.get("panel"),
        source.texts("panel__name"),
    )
