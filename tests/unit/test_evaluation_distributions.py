"""Moments over sites equal those of all patients; quantiles lie within their stated limits; no small cell leaves a site."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from hemapilots.evaluation.distributions import distribution_table, joined_moments, merged, quantile

SPEC = {"distributions": {"age": [40.0, 90.0], "blast": [0.0, 19.0]}, "minimum_cell": 5}


def patients(n, seed):
    rng = np.random.default_rng(seed)
    age, blast = rng.normal(70 + seed, 11, n).round(1), rng.exponential(5, n).round()
    age[rng.random(n) < 0.1] = np.nan
    return pd.DataFrame({"age": age, "blast": blast})


def test_joined_moments_are_those_of_all_patients():
    parts = [patients(n, seed)["age"].dropna().to_numpy() for seed, n in enumerate((80, 45, 130))]
    each = [np.array([len(part), part.mean(), part.std(ddof=1)]) for part in parts]
    mean, sd = joined_moments(*np.transpose(each))
    everyone = np.concatenate(parts)
    assert mean == pytest.approx(everyone.mean(), abs=1e-10)
    assert sd == pytest.approx(everyone.std(ddof=1), abs=1e-10)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("name", ["age", "blast"])
def test_quantiles_lie_within_their_limits(seed, name):
    tables = {f"s{k}": patients(n, seed + k) for k, n in enumerate((60, 200, 75))}
    released = pd.concat([distribution_table(site, table, SPEC) for site, table in tables.items()])
    everyone = np.sort(pd.concat(tables.values())[name].dropna().to_numpy())
    for share in (0.1, 0.25, 0.5, 0.75, 0.9):
        exact = everyone[int(np.ceil(share * len(everyone) - 1e-9)) - 1]
        found, lower, upper = quantile(released[released["variable"] == name], share)
        assert lower < exact <= upper
        assert lower <= found <= upper


def test_limits_are_a_cell_apart_where_patients_are_many():
    table = distribution_table("a", patients(5000, 0), SPEC)
    found, lower, upper = quantile(table[table["variable"] == "age"], 0.5)
    assert upper - lower <= 1.0 + 1e-9
    assert found == pytest.approx(np.nanmedian(patients(5000, 0)["age"]), abs=0.5)


def test_small_cells_are_joined_and_nobody_is_lost():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        counts = rng.integers(0, 4, 20) * (rng.random(20) < 0.6)
        if counts.sum() < 5:
            continue
        cells = merged(np.arange(21.0), counts, 5)
        assert all(count == 0 or count >= 5 for _, _, count in cells)
        assert sum(count for _, _, count in cells) == counts.sum()
        assert cells[0][0] == 0
        assert cells[-1][1] == 20
        assert all(before[1] == after[0] for before, after in pairwise(cells))


def test_variables_of_few_patients_are_not_told():
    assert distribution_table("a", patients(30, 1), SPEC).empty
