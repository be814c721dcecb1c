"""What a site says of its data: counts that may leave it, Table 1, and checks by category with their thresholds."""

import pandas as pd

from hemapilots.harmonize.suppression import Draw
from hemapilots.quality.assayed import not_assayed
from hemapilots.quality.baseline import table_one
from hemapilots.quality.checks import check_record, load_checks, tally
from hemapilots.quality.record import quality
from hemapilots.quality.scores import scores_record
from hemapilots.quality.secret import site_secret
from hemapilots.rounding import round_record
from hemapilots.support import MINIMUM_SUPPORT

__all__ = ["check_record", "load_checks", "quality", "released_record", "site_secret", "table_one", "tally"]

# Significant digits of means and quartiles: fewer where counts are rounded, or a sum could be had from a mean.
DIGITS, ROUNDED_DIGITS = 4, 3


def released_record(
    harmonized: pd.DataFrame,
    issues: pd.DataFrame,
    flow: dict,
    use_case: dict,
    rules: dict,
    rounding: int,
    secret: bytes,
    minimum_cell: int = MINIMUM_SUPPORT,
) -> dict:
    """The whole of quality/<site>.json: counts, Table 1, and `checks`, made from counts as they are released.

    rules: of `load_checks`. rounding: counts are rounded to multiples of it; 1 leaves differences between tables that share
    patients, so it is for public and synthetic cohorts. secret: of `site_secret`. minimum_cell 1 hides nothing: not for release.
    """
    rounded, draw = rounding > 1, Draw(secret)
    aside = not_assayed(harmonized, issues, use_case, minimum_cell)
    record = quality(harmonized, issues, flow, use_case, minimum_cell, draw, aside, rounded)
    digits = ROUNDED_DIGITS if rounded else DIGITS
    record["table_one"] = table_one(harmonized, use_case, minimum_cell, draw, aside, digits)
    record["scores"] = scores_record(harmonized, use_case, minimum_cell, draw)
    record = round_record(record, rounding)
    return record | {"checks": check_record(record, rules, use_case)}
