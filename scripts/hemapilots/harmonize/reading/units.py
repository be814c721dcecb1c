"""From the unit that is stated to the unit of the use case: one conversion for each column and stated unit, never a guess per value.

A conversion is looked up in this order: resources/units/factors.csv, where the decided conventions stand (first for the
variable, then for any); the definitions of UCUM where both units measure the same kind of thing; a molar mass of
resources/units/molar_masses.csv where one is a mass and the other an amount of substance. Else the unit is refused.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.reading.unit_names import Names, load_names

__all__ = ["Conversion", "Factors", "candidates", "conversion", "factor", "load_factors"]

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Conversion:
    """canonical = source x scale + offset. power: of ten, where the scale is one, so that decimals stay exact."""

    source: str
    canonical: str
    scale: float
    offset: float = 0.0

    @property
    def power(self) -> int | None:
        """The exponent of a scale that is a power of ten, else None."""
        exponent = round(float(np.log10(self.scale)))
        return exponent if self.offset == 0 and self.scale == float(f"1e{exponent}") else None

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Values in the canonical unit."""
        if self.power is not None and self.power < 0:
            return values / 10.0**-self.power + self.offset
        return values * self.scale + self.offset

    def __str__(self) -> str:
        shift = f" {'+' if self.offset > 0 else '-'} {abs(self.offset):g}" if self.offset else ""
        return f"{self.source} x {self.scale:g}{shift} = {self.canonical}"


class Factors(dict):
    """(variable or *, source unit, canonical unit) -> factor, with all else that the folder of unit tables says.

    offsets: of affine conversions; least: the median, in the source unit, below which a column follows another convention of
    that unit; inferable: keys that may be inferred; typical: variable -> unit -> [low, high] of its
    median; masses: variable -> g/mol; names: synonyms of units.
    """

    def __init__(self, factors: dict[Key, float]):
        super().__init__(factors)
        self.offsets: dict[Key, float] = {}
        self.least: dict[Key, float] = {}
        self.inferable: set[Key] = set()
        self.typical: dict[str, dict[str, tuple[float, float]]] = {}
        self.masses: dict[str, float] = {}
        self.names: Names = Names([], [])


def load_factors(path: str | Path) -> Factors:
    """Reads a factor table and, where they lie beside it, aliases.csv, molar_masses.csv and typical_medians.csv.

    Columns of the table: variable (`*` for any), source, canonical, factor, and optionally offset, infer, least and basis;
    canonical = source x factor + offset.
    """
    path = Path(path)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        keys = list(zip(table["variable"], table["source"], table["canonical"], strict=True))
        factors = Factors(dict(zip(keys, table["factor"].astype(float), strict=True)))
        offsets = table.get("offset", pd.Series("", index=table.index)).replace("", "0").astype(float)
        factors.offsets = {key: offset for key, offset in zip(keys, offsets, strict=True) if offset}
        least = table.get("least", pd.Series("", index=table.index))
        factors.least = {key: float(text) for key, text in zip(keys, least, strict=True) if text}
        inferable = table.get("infer", pd.Series("", index=table.index)) == "yes"
        factors.inferable = {key for key, yes in zip(keys, inferable, strict=True) if yes}
    except (OSError, KeyError, ValueError) as error:
        raise HemaPilotsError(
            f"{path}: not a table of unit factors ({error}); it needs variable, source, canonical and factor"
        ) from None
    if len(factors) < len(keys):
        raise HemaPilotsError(f"{path}: a combination of variable, source and canonical stands twice; keep one")
    bad = [" ".join(key) for key, value in factors.items() if not 0 < value < float("inf")]
    if bad:
        raise HemaPilotsError(f"{path}, factor of {bad[0]}: it is not positive; correct it")
    _load_sisters(factors, path.parent)
    return factors


def _load_sisters(factors: Factors, folder: Path) -> None:
    codes = sorted({code for key in factors for code in key[1:]})
    factors.names = load_names(folder / "aliases.csv", codes)
    for row in _rows(folder / "molar_masses.csv", ("variables", "molar_mass")):
        factors.masses |= dict.fromkeys(row["variables"].split(), float(row["molar_mass"]))
    for row in _rows(folder / "typical_medians.csv", ("variable", "unit", "low", "high")):
        factors.typical.setdefault(row["variable"], {})[row["unit"]] = (float(row["low"]), float(row["high"]))


def _rows(path: Path, needed: tuple[str, ...]) -> list[dict]:
    if not path.is_file():
        return []
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if not set(needed) <= set(table):
        raise HemaPilotsError(f"{path}: the columns {', '.join(needed)} are needed; correct the header")
    return table.to_dict("records")


def conversion(variable: str, source: str | None, canonical: str | None, factors: dict, where: str) -> Conversion:
    """The conversion of a stated unit (a code or a synonym). Raises HemaPilotsError, naming `where`, if there is none."""
    target = canonical or "1"
    if source is None:
        source = "1" if target == "1" else None
    found = None if source is None else _find(variable, source, target, factors)
    if found is None:
        known = sorted({key[1] for key in factors if key[0] in (variable, "*") and key[2] == target} - {target})
        stated = "no unit is stated" if source is None else f'the unit "{source}" cannot be converted to {target}'
        raise HemaPilotsError(f"{where}: {stated}; use one of {', '.join([target, *known])}")
    return found


def factor(variable: str, source: str | None, canonical: str | None, factors: dict, mapping_name: str) -> float:
    """The scale of a column's conversion, 1 for equal units; raises HemaPilotsError where there is none (affine ones: `conversion`)."""
    where = f"mapping {mapping_name}, variables.{variable}.unit"
    return conversion(variable, source, canonical, factors, where).scale


def known(variable: str, source: str, canonical: str | None, factors: dict) -> Conversion | None:
    """The conversion of a unit that stands in the data; None where there is none."""
    return _find(variable, source, canonical or "1", factors)


def _find(variable: str, source: str, canonical: str, factors: dict) -> Conversion | None:
    names = factors.names if isinstance(factors, Factors) else Names([], [])
    own = names.resolve(canonical, None) or canonical
    code = names.resolve(source, own) or source
    if code in (own, canonical):
        return Conversion(code, canonical, 1.0)
    for owner in (variable, "*"):
        if (key := (owner, code, own)) in factors:
            offset = factors.offsets.get(key, 0.0) if isinstance(factors, Factors) else 0.0
            return Conversion(code, canonical, float(factors[key]), offset)
    mass = factors.masses.get(variable) if isinstance(factors, Factors) else None
    scale = _by_definition(code, own, mass)
    return None if scale is None else Conversion(code, canonical, scale)


@lru_cache(maxsize=1000)
def _by_definition(source: str, canonical: str, molar_mass: float | None) -> float | None:
    from hemapilots.harmonize.reading.ucum import ratio

    return ratio(source, canonical, molar_mass)


def candidates(variable: str, canonical: str | None, factors: Factors) -> list[Conversion]:
    """Conversions that may be inferred, of different scales; the unit of the use case first.

    Where typical medians of the variable are known, the units are those of that table.
    """
    target = canonical or "1"
    typical = factors.typical.get(variable)
    if typical:
        units = [target, *typical]
    else:
        units = [
            target,
            *(key[1] for key in factors if key in factors.inferable and key[2] == target and key[0] in (variable, "*")),
        ]
    found: dict[tuple[float, float], Conversion] = {}
    for unit in units:
        made = _find(variable, unit, target, factors)
        if made is not None:
            found.setdefault((made.scale, made.offset), made)
    return list(found.values())
