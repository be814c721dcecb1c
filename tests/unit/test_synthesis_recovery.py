"""Cox models find the coefficients that a recipe was drawn from: 50,000 patients at five sites of the plain law.

Stratified by site. Where one proportional hazards law makes the event, against its own coefficients; where several hazards
do, against the limit that is stored in the recipe. Every estimate within four standard errors.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter
from statsmodels.duration.hazard_regression import PHReg

from hemapilots.synthesis.cohort import draw_complete
from hemapilots.synthesis.limits import cox
from hemapilots.synthesis.recipe import load_recipe
from hemapilots.synthesis.truth import covariates, eligible, is_exact

RECIPES = Path(__file__).parents[2] / "resources" / "recipes"


@cache
def recipe_of(name: str) -> dict:
    return load_recipe(RECIPES / f"{name}.yaml")


@cache
def cohort(name: str) -> pd.DataFrame:
    sites = [draw_complete(recipe_of(name), site, 10_000, 2).assign(site=site) for site in range(5)]
    return pd.concat(sites, ignore_index=True)


def seen(table: pd.DataFrame, processes: dict, process: str) -> tuple[pd.Series, pd.Series]:
    """Time and event of one process, what it comes `until` and the last contact ending observation."""
    ends = [table["contact"], *(table[f"{other}_drawn"] for other in processes[process].get("until", []))]
    end = np.min(ends, axis=0)
    return np.minimum(table[f"{process}_drawn"], end), table[f"{process}_drawn"] <= end


def distances(table, coefficients: dict, time, event, entry=None) -> np.ndarray:
    names = list(coefficients)
    found, errors = cox(table[names], np.asarray(time), np.asarray(event), entry, table["site"])
    return (found - np.array(list(coefficients.values()))) / errors


def assert_recovered(z: np.ndarray):
    """The rule, and that the distances together are no larger than chance (a chi-square, one in ten thousand)."""
    from scipy.stats import chi2

    assert np.abs(z).max() < 4
    assert (z**2).sum() < chi2(len(z)).ppf(0.9999)


@pytest.mark.parametrize(
    ("name", "process"),
    [("mds", "aml"), ("mds", "death_without"), ("mds-direct", "death"), ("mds-direct", "progress"), ("mm", "death")],
)
def test_the_law_of_a_process_is_recovered(name, process):
    table, processes = cohort(name), recipe_of(name)["outcomes"]["processes"]
    assert_recovered(distances(table, processes[process]["coefficients"], *seen(table, processes, process)))


@pytest.mark.parametrize(
    ("name", "endpoint"),
    [("mds", "os"), ("mds", "lfs"), ("mds-direct", "lfs"), ("mm", "pfs"), ("scd", "stroke"), ("scd", "acs")],
)
def test_the_stored_limit_of_a_derived_endpoint_is_found(name, endpoint):
    recipe, table = recipe_of(name), cohort(name)
    assert not is_exact(recipe, endpoint)
    spec = recipe["outcomes"]["endpoints"][endpoint]
    table = table[eligible(spec, table)]
    limit = spec["limit"]["coefficients"]
    assert list(limit) == covariates(recipe["outcomes"], endpoint)
    assert np.abs(distances(table, limit, table[spec["time"]], table[spec["event"]] == 1)).max() < 4


def on_age(table, processes: dict, process: str) -> tuple:
    """Exit, event and entry of one process on the scale of age."""
    years, event = seen(table, processes, process)
    return table["age"] + years, event, table["age"].to_numpy()


def test_a_law_by_age_is_recovered_with_late_entry():
    table, processes = cohort("scd"), recipe_of("scd")["outcomes"]["processes"]
    assert_recovered(distances(table, processes["death"]["coefficients"], *on_age(table, processes, "death")))


def test_late_entry_equals_statsmodels():
    table, processes = cohort("scd").iloc[:2_000], recipe_of("scd")["outcomes"]["processes"]
    names = ["trv_high", "ntprobnp_off", "hbf", "male"]
    exit_, event, entry = on_age(table, processes, "death")
    found, errors = cox(table[names], exit_.to_numpy(), event.to_numpy(), entry)
    other = PHReg(exit_, table[names], event.astype(int), entry=entry, ties="efron").fit(disp=False)
    assert found == pytest.approx(other.params, abs=1e-6)
    assert errors == pytest.approx(other.bse, abs=1e-6)


def test_the_model_of_these_tests_equals_lifelines():
    table = cohort("mds").iloc[:12_000]
    names = ["hb", "blast5", "age10", "tp53multi"]
    found, errors = cox(
        table[names], table["os_years"].to_numpy(), table["os_status"].to_numpy() == 1, None, table["site"]
    )
    other = CoxPHFitter().fit(
        table[[*names, "os_years", "os_status", "site"]],
        "os_years",
        "os_status",
        strata=["site"],
        fit_options={"precision": 1e-10},
    )
    assert found == pytest.approx(other.params_[names].to_numpy(), abs=1e-7)
    assert errors == pytest.approx(other.standard_errors_[names].to_numpy(), abs=1e-7)
