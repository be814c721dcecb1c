"""Headers beside the units that a mapping states: another unit is a contradiction, the same unit said more exactly is none."""

import pytest

from hemapilots.harmonize.reading.header_units import contradicted_units
from hemapilots.harmonize.reading.units import load_factors
from hemapilots.paths import RESOURCES

USE_CASE = {"variables": {"hb": {"unit": "g/dL"}}}


@pytest.fixture(scope="module")
def factors():
    return load_factors(RESOURCES / "units" / "factors.csv")


@pytest.mark.parametrize(
    ("header", "unit", "contradicted"),
    [
        ("Hb (g/L)", "g/dL", True),
        ("Hb (g/dl)", "g/dL", False),
        ("Hb (mmol/L)", "mmol/L{tetramer}", False),
        ("Hb mmol/l", "mmol/L{monomer}", False),
        ("Hb (g/L)", "mmol/L{tetramer}", True),
        ("Hb (mmol/L{monomer})", "mmol/L{tetramer}", True),
    ],
)
def test_a_header_contradicts_another_unit_only(factors, header, unit, contradicted):
    mapping = {"reader": "csv", "variables": {"hb": {"column": header, "unit": unit}}}
    assert list(contradicted_units(mapping, USE_CASE, factors)) == ["hb"] * contradicted
