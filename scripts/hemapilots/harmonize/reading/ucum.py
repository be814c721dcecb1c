"""Factors that follow from the definitions of UCUM, through pint and ucumvert; loaded only when a unit is not in our table."""

from functools import lru_cache

__all__ = ["ratio"]

# Scales with a zero of their own, and equivalents, which depend on the charge of the substance: our table knows those it can.
_NOT_PROPORTIONAL = ("Cel", "[degF]", "[degRe]", "K")
_LONGEST = 40


def ratio(source: str, canonical: str, molar_mass: float | None) -> float | None:
    """canonical = source x ratio; None where one of them is no UCUM unit or they measure different things.

    molar_mass: g/mol, for a mass against an amount of substance.
    """
    if source in _NOT_PROPORTIONAL or canonical in _NOT_PROPORTIONAL or "eq" in source or "eq" in canonical:
        return None
    if source.startswith("{") or canonical.startswith("{"):  # an annotation, not a unit
        return None
    # An enzyme's activity and an international unit are conventions, not quantities of physics.
    if "[" in source.replace("mm[Hg]", "").replace("[lb_av]", "").replace("[in_i]", "").replace("[ft_i]", ""):
        return None
    one, other = _quantity(source), _quantity(canonical)
    if one is None or other is None:
        return None
    quotient = one / other
    if quotient.dimensionless:
        return _clean(quotient)
    if molar_mass is not None:
        per_mole = molar_mass * _registry().from_ucum("g") / _registry().from_ucum("mol")
        for candidate in (quotient * per_mole, quotient / per_mole):
            if candidate.dimensionless:
                return _clean(candidate)
    return None


def _clean(quotient) -> float | None:
    value = float(f"{quotient.to_base_units().magnitude:.14g}")
    return value if 0 < value < float("inf") else None


def _quantity(code: str):
    """A quantity of one unit; None where the code is not UCUM. All quantities are of one registry."""
    if not code or len(code) > _LONGEST:
        return None
    try:
        quantity = _registry().from_ucum(code)
        # Logarithmic units, such as B for bel, are no factors: pint refuses to divide by them.
        return quantity if hasattr(quantity, "dimensionality") and quantity / quantity else None
    except Exception:  # the parser raises a dozen kinds, pint a few more; none of them is a unit
        return None


@lru_cache(maxsize=1)
def _registry():
    from ucumvert import PintUcumRegistry

    return PintUcumRegistry()
