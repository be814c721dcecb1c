"""Counts rounded before they leave a site: with an enforced gate no small number can then be had by subtracting released tables."""

import numpy as np
import pandas as pd

COUNT_COLUMNS = ("n", "events", "at_risk", "changed", "undated")
# One table of a histogram.
HISTOGRAM_NAME = ["site", "endpoint", "model", "regime", "horizon", "kind"]
# Combined over sites by comparable pairs.
PAIR_METRICS = ("uno_c", "harrell_c")


def round_count(value: float, base: int) -> float:
    """The nearest multiple of the base, halves up; base 1 changes nothing."""
    return int(np.floor(value / base + 0.5)) * base


def round_record(record, base: int):
    """A JSON record with every whole number rounded, and shares of them made anew from rounded ones."""
    if isinstance(record, dict):
        out = {key: round_record(value, base) for key, value in record.items()}
        if (
            base > 1
            and out.get("percent_missing") is not None
            and out.get("n") is not None
            and out.get("absent") is not None
        ):
            whole = out["n"] + out["absent"]
            out["percent_missing"] = round(100 * out["absent"] / whole, 1) if whole else None
        elif base > 1 and "percent_missing" in out:
            out["percent_missing"] = None
        return out
    if isinstance(record, list):
        return [round_record(value, base) for value in record]
    return round_count(record, base) if isinstance(record, int) and not isinstance(record, bool) else record


def round_columns(table: pd.DataFrame, base: int) -> pd.DataFrame:
    """A table of figures with its counts rounded, and with the weights by which sites are combined.

    A weight is a number of patients or cases and is rounded as they are, or, of concordance, a number of pairs: that is told to two
    digits, since one patient more or less moves its third.
    """
    if base == 1:
        return table
    table = table.copy()
    for name in [name for name in COUNT_COLUMNS if name in table]:
        table[name] = _nearest(table[name], base)
    if "weight" in table:
        pairs = table["metric"].isin(PAIR_METRICS)
        table["weight"] = significant(table["weight"], 2).where(pairs, _nearest(table["weight"], base))
    return table


def round_histograms(histograms: pd.DataFrame, base: int) -> pd.DataFrame:
    """Counts of rectangles, each a multiple of the base: differences of the rounded running sum, so that totals of a kind survive."""
    if base == 1 or histograms.empty:
        return histograms
    names = [histograms[name] for name in HISTOGRAM_NAME]
    through = _nearest(histograms["n"].groupby(names, dropna=False, sort=False).cumsum(), base)
    n = through.groupby(names, dropna=False, sort=False).diff().fillna(through)
    return histograms.assign(n=n)


def round_recurrent(table: pd.DataFrame, base: int) -> pd.DataFrame:
    """Figures of recurrent events: counts and years rounded, rates made anew from them, all else told to three significant digits."""
    if base == 1 or table.empty:
        return table
    table = round_columns(table, base)
    table["years"] = _nearest(table["years"].astype(float), base)
    for name in ("estimate", "error"):
        table[name] = significant(table[name].astype(float), 3)
    again = (table["measure"] == "rate") & table["events"].notna() & (table["years"] > 0)
    table.loc[again, "estimate"] = table["events"] / table["years"]
    return table


def round_sums(table: pd.DataFrame, base: int) -> pd.DataFrame:
    """Sums of log-rank tests to four significant digits; those of the groups of a test still add up to nothing.

    So the last group's difference, and each variance, are had from the others, rounded.
    """
    if base == 1 or table.empty:
        return table
    test, own = ["site", "endpoint", "by"], table["level"] == table["other"]
    rounded = table[["difference", "covariance"]].apply(significant, digits=4)
    table = table.assign(difference=rounded["difference"], covariance=rounded["covariance"].mask(own, 0.0))
    row = table.groupby([*test, "level"], sort=False)["covariance"].transform("sum")
    table["covariance"] = table["covariance"].mask(own, -row)
    last = own & ~table.duplicated(test, keep="last")
    others = table["difference"].mask(last).groupby([table[name] for name in test], sort=False).transform("sum")
    return table.assign(difference=table["difference"].mask(last, -others))


def _nearest(values: pd.Series, base: int) -> pd.Series:
    return np.floor(values / base + 0.5) * base


def significant(values: pd.Series, digits: int) -> pd.Series:
    """Values to so many significant digits, halves up; nan stays."""
    unit = 10.0 ** (np.floor(np.log10(values.abs().where(values.abs() > 0, 1.0))) - digits + 1)
    return (np.floor(values / unit + 0.5) * unit).round(12)


def round_curves(curves: pd.DataFrame, base: int) -> pd.DataFrame:
    """Curve counts whose patients at the start are rounded; later ones follow by subtraction of the cells."""
    if base == 1 or curves.empty:
        return curves
    first = curves.groupby(["site", "endpoint"], sort=False)["at_risk"].transform("first")
    shift = np.floor(first / base + 0.5).astype(int) * base - first
    years = curves["years"] + shift * (curves["end"] - curves["start"])
    return curves.assign(at_risk=curves["at_risk"] + shift, years=years)
