"""A unit that nobody stated, and units that cannot be the stated one: decided for all such cells of a column, never for one value.

The rule: of the units that the table of factors allows to infer, exactly one puts at least 95 % of the values in the
hard range and their median in the soft range; its median must be typical of that unit too, where resources/units knows
what is. Where two fit, nothing is inferred, however typical the median is of one of them. A typical unit that has no
factor (a multiple of the laboratory's limit) cannot be checked against the ranges and fits where its median is typical.
Percentages and fractions: a percentage's column is a fraction if no value is above 1 and more than half of those above 0
are below 1; a fraction's column is in per cent if any value is above 1. If then more than 20 % are below 1, nothing is
inferred; fewer are removed, because a fraction among percentages cannot be told from a small percentage.
"""

import numpy as np

from hemapilots.harmonize.reading.units import Conversion, Factors, candidates, known

__all__ = ["FEWEST", "SHARE", "infer", "inside", "looks_like_fractions", "outside", "slipped"]

# Fewer values say too little about their unit.
FEWEST = 5
# So many of the values a unit must put in the hard range.
SHARE = 0.95
_MIXED = 0.2
# From this share of a column on, values that fit another unit are not single errors.
_SLIP, _SLIP_TEXTS = 0.05, 3
# A limit that a conversion factor meets only up to rounding is still met.
_SLACK = 1e-9


def outside(values: np.ndarray, limits: list | None) -> np.ndarray:
    """Which values lie outside [low, high]; a limit of None is open, nan is not outside."""
    result = np.zeros(len(values), dtype=bool)
    low, high = limits or (None, None)
    if low is not None:
        result |= values < low - _SLACK * max(1.0, abs(low))
    if high is not None:
        result |= values > high + _SLACK * max(1.0, abs(high))
    return result


def inside(values: np.ndarray, limits: list | None) -> np.ndarray:
    """Which values are known and lie inside."""
    return ~np.isnan(values) & ~outside(values, limits)


def infer(values: np.ndarray, name: str, spec: dict, factors: Factors) -> tuple[Conversion, np.ndarray] | str:
    """The conversion of values of which no unit is stated, and which of them it cannot hold for; else the reason why there is none.

    values: as delivered, known ones only.
    """
    if len(values) < FEWEST:
        return f"no unit is stated, and fewer than {FEWEST} values do not tell it"
    none = np.zeros(len(values), dtype=bool)
    found = _share_of_hundred(values, name, spec, factors)
    if found is not None:
        return found
    if not spec.get("hard") or not spec.get("soft"):
        return "no unit is stated, and the variable has no ranges to tell it by"
    fitting = [made for made in candidates(name, spec.get("unit"), factors) if _fits(values, name, spec, made, factors)]
    units = [made.source for made in fitting] + _without_factor(values, name, spec, factors)
    if len(units) == 1 and fitting and _typical(values, name, units[0], factors) is not False:
        return fitting[0], none
    which = ", ".join(units) or "none"
    return f"no unit is stated, and the values do not tell it (units that would fit: {which})"


def _fits(values: np.ndarray, name: str, spec: dict, made: Conversion, factors: Factors) -> bool:
    canonical = made.apply(values)
    return (
        inside(canonical, spec["hard"]).mean() >= SHARE
        and not outside(np.array([np.median(canonical)]), spec["soft"]).any()
    )


def _typical(values: np.ndarray, name: str, unit: str, factors: Factors) -> bool | None:
    """Whether the median is one that is usual in this unit; None where that is not known."""
    limits = factors.typical.get(name, {}).get(unit)
    return None if limits is None else bool(limits[0] <= np.median(values) <= limits[1])


def _without_factor(values: np.ndarray, name: str, spec: dict, factors: Factors) -> list[str]:
    """Units that are usual for the variable, have no factor, and of which the median is typical."""
    units = factors.typical.get(name, {})
    return [
        unit
        for unit in units
        if known(name, unit, spec.get("unit"), factors) is None and _typical(values, name, unit, factors)
    ]


def _share_of_hundred(
    values: np.ndarray, name: str, spec: dict, factors: Factors
) -> tuple[Conversion, np.ndarray] | str | None:
    """The decision between per cent and fraction; None for variables that are neither."""
    unit, hard = spec.get("unit"), spec.get("hard")
    if unit != "%" and not (unit == "1" and hard and 0 <= hard[0] and hard[1] <= 1):
        return None
    made = {one.source: one for one in candidates(name, unit, factors)}
    if not {"%", "1"} <= made.keys():
        return None
    below = (values > 0) & (values < 1)
    some = max(int((values > 0).sum()), 1)
    small = not (values > 1).any()
    if small and (unit == "1" or below.sum() > 0.5 * some):
        return made["1"], np.zeros(len(values), dtype=bool)
    if below.sum() > _MIXED * some:
        return "no unit is stated, and fractions and percentages stand in one column"
    return made["%"], below


def looks_like_fractions(values: np.ndarray) -> bool:
    """Whether values that are said to be percentages are all at most 1, and more than half of those above 0 below 1."""
    some = values[values > 0]
    return len(some) > 0 and not (values > 1).any() and (some < 1).mean() > 0.5


def slipped(
    stated: np.ndarray, canonical: np.ndarray, name: str, spec: dict, made: Conversion, factors
) -> Conversion | None:
    """The other unit that values outside the hard range would fit, if they are so many that they are a second population.

    stated: values as delivered; canonical: the same in the unit of the use case; nan unknown.
    """
    valid, wrong = ~np.isnan(canonical), outside(canonical, spec.get("hard"))
    if not isinstance(factors, Factors) or wrong.sum() < max(_SLIP_TEXTS, _SLIP * valid.sum()):
        return None
    for other in candidates(name, spec.get("unit"), factors):
        if (other.scale, other.offset) == (made.scale, made.offset):
            continue
        fits = inside(other.apply(stated[wrong]), spec.get("soft") or spec["hard"])
        if (
            len(np.unique(stated[wrong][fits])) >= _SLIP_TEXTS
            and fits.sum() >= _SLIP * valid.sum()
            and fits.mean() >= 0.5
        ):
            return other
    return None
