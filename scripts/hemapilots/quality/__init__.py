"""What a site says of its data: counts that may leave it, Table 1, and checks by category with their thresholds."""

import pandas as pd

from hemapilots.quality.baseline import table_one
from hemapilots.quality.checks import check_record, load_checks, tally
from hemapilots.quality.record import quality
from hemapilots.rounding import round_record

__all__ = ["check_record", "load_checks", "quality", "released_record", "table_one", "tally"]

MINIMUM_CELL = 5


def released_record(
    harmonized: pd.DataFrame,
    issues: pd.DataFrame,
    flow: dict,
    use_case: dict,
    rules: dict,
    rounding: int = 1,
    minimum_cell: int = MINIMUM_CELL,
) -> dict:
    """The whole of quality/<site>.json: counts, Table 1, and `checks`, made from counts as they are released.

    rules: of `load_checks`. rounding: counts are rounded to multiples of it. minimum_cell 1 hides nothing: not for release.
    """
    record = quality(harmonized, issues, flow, use_case, minimum_cell)
    record = round_record(record | {"table_one": table_one(harmonized, use_case, minimum_cell)}, rounding)
    return record | {"checks": check_record(record, rules, use_case)}
