"""What a site tells of recurrent events, how it is combined, and how it stands in a report."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

import report_sample
from hemapilots.evaluation.recurrent.combine import FEDERATED, POOLED, recurrent_metrics, standardised
from hemapilots.evaluation.recurrent.mean_function import mean_function
from hemapilots.evaluation.recurrent.sample import Sample, sample_of
from hemapilots.evaluation.recurrent.tables import recurrent_table
from hemapilots.evaluation.recurrent.told import told_times
from hemapilots.random_effects import random_effects
from hemapilots.report.pages import render_report
from hemapilots.rounding import round_recurrent

SPEC = {
    "scenario": "base",
    "sharing": "synthetic",
    "recurrent": {"attack": {"horizons": [2.0, 4.0], "levels": {"sex": ["F", "M"], "treated": [0, 1]}}},
    "grid": [0.5 * step for step in range(1, 13)],
    "minimum_cell": 5,
    "bootstrap": {"level": 0.95},
}
RATIO = 1.8


def invented(seed: int, n: int = 160, rare: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(events, harmonized): men have RATIO times as many episodes; `rare` patients are treated, a third otherwise."""
    rng = np.random.default_rng(seed)
    sex = np.where(rng.random(n) < 0.5, "M", "F")
    treated = (np.arange(n) < rare) if rare else rng.random(n) < 0.33
    at_death, end = rng.exponential(12, n), rng.uniform(3, 6, n)
    died, end = at_death < end, np.minimum(at_death, end)
    count = rng.poisson(rng.gamma(1.0, 1.0, n) * np.where(sex == "M", RATIO, 1.0) * end)
    patient = np.repeat(np.arange(n), count)
    rows = [(place, end[place] * share, 1.0) for place, share in zip(patient, rng.random(len(patient)), strict=True)]
    rows += [(place, end[place], 2.0 if died[place] else 0.0) for place in range(n)]
    events = pd.DataFrame(rows, columns=["row", "stop", "event"]).sort_values(["row", "stop"], ignore_index=True)
    events["start"] = events.groupby("row")["stop"].shift(fill_value=0.0)
    table = pd.DataFrame({"row": range(n), "sex": sex.astype(object), "treated": treated.astype(float)})
    return events.assign(outcome="attack"), table


@pytest.fixture(scope="module")
def told() -> tuple[pd.DataFrame, pd.DataFrame]:
    sites = {name: invented(seed) for seed, name in enumerate(("north", "south", "west"))}
    tables = [recurrent_table(name, {name: site}, SPEC) for name, site in sites.items()]
    return pd.concat(tables, ignore_index=True), recurrent_table("all", sites, SPEC)


def test_no_small_cell_can_be_seen_between_told_times():
    events, table = invented(3, 120)
    sample, _ = sample_of(events, table, "attack")
    edges = np.array([0.0, *SPEC["grid"]])
    times = told_times(sample, edges, [2.0, 4.0], 5)
    assert times[0] == 0 and set(times) <= set(edges) and {2.0, 4.0} <= set(times)
    for start, end in pairwise(times):
        having = len(set(sample.patient[(sample.time > start) & (sample.time <= end)]))
        leaving = ((sample.end > start) & (sample.end <= end)).sum()
        assert all(number == 0 or number >= 5 for number in (having, leaving, (sample.end > end).sum()))
        assert (sample.end > start).sum() >= 10


def test_a_horizon_is_told_rather_than_the_times_before_it():
    """Six leave by 1 year, three more by 2: told apart, the three could be counted; by 2 years it is nine."""
    end = np.concatenate([np.full(6, 0.9), np.full(3, 1.8), np.full(30, 5.0)])
    sample = Sample(end, np.zeros(39, bool), np.arange(39), np.full(39, 0.5))
    edges = np.array([0.0, 1.0, 2.0, 3.0])
    assert told_times(sample, edges, [2.0], 5).tolist() == [0, 2, 3]
    assert told_times(sample, edges, [3.0], 5).tolist() == [0, 3]
    assert told_times(sample.part(np.arange(39) < 9), edges, [2.0], 5).size == 0


def test_a_level_of_few_patients_is_not_told_nor_had_by_subtraction():
    table = recurrent_table("north", {"north": invented(4, 150, rare=3)}, SPEC)
    assert "treated=1" not in set(table["group"])
    other = table[table["group"] == "treated=0"]
    assert len(other) and other[["n", "events", "years", "at_risk"]].isna().all().all()
    assert other["estimate"].notna().all()
    assert table.loc[table["group"] == "sex=M", "n"].notna().all()
    assert "rate_ratio" not in set(table.loc[table["group"].str.startswith("treated"), "measure"])


def test_figures_of_a_site_are_those_of_its_estimators(told):
    events, table = invented(0)
    sample, patients = sample_of(events, table, "attack")
    men = sample.part((patients["sex"] == "M").to_numpy())
    own = told[0].query("site == 'north' and group == 'sex=M'")
    rate = own[own["measure"] == "rate"].iloc[0]
    assert rate["events"] == len(men.time) and rate["years"] == pytest.approx(men.end.sum())
    assert rate["estimate"] == pytest.approx(len(men.time) / men.end.sum())
    curve = own[own["measure"] == "mcf"]
    mean, error = mean_function(men, curve["time"].to_numpy())
    np.testing.assert_allclose(curve["estimate"], mean)
    np.testing.assert_allclose(curve["error"], error)


def test_ratios_recover_what_the_patients_were_drawn_with(told):
    """Within three standard errors, pooled and at each site."""
    for table in told:
        ratios = table[(table["measure"] == "rate_ratio") & (table["group"] == "sex=M")]
        assert set(ratios["method"]) == {"negative_binomial", "andersen_gill"}
        assert (np.abs(ratios["estimate"] - np.log(RATIO)) < 3 * ratios["error"]).all()


def test_combined_means_are_weighed_by_patients_and_ratios_by_meta_analysis(told):
    metrics = recurrent_metrics(*told, SPEC)
    own = told[0].query("group == 'all' and measure == 'mcf' and time == 2.0")
    wanted = np.average(own["estimate"], weights=own["n"])
    error = np.sqrt(np.sum((own["n"] / own["n"].sum() * own["error"]) ** 2))
    means = metrics[(metrics["metric"] == "mcf") & (metrics["subgroup"] == "all") & (metrics["horizon"] == 2.0)]
    row = means[means["regime"] == FEDERATED].iloc[0]
    assert row["estimate"] == pytest.approx(wanted) and row["n"] == 480
    assert row["upper"] == pytest.approx(wanted * np.exp(1.959964 * error / wanted), rel=1e-6)
    # The same patients in one place: nearly the same, as the sites lose patients alike.
    assert means.loc[means["regime"] == POOLED, "estimate"].iloc[0] == pytest.approx(wanted, rel=0.01)

    part = told[0].query("group == 'sex=M' and method == 'andersen_gill'")
    found = random_effects(part["estimate"].to_numpy(), part["error"].to_numpy() ** 2)
    ratio = metrics.query("model == 'andersen_gill' and subgroup == 'sex=M' and regime == @FEDERATED").iloc[0]
    np.testing.assert_allclose(
        ratio[["estimate", "lower", "upper"]].to_numpy(float),
        np.exp([found["estimate"], found["lower"], found["upper"]]),
    )
    assert metrics["endpoint"].eq("attack").all()


def test_two_sites_are_not_meta_analysed_and_order_does_not_matter(told):
    two = told[0].query("site != 'west'")
    metrics = recurrent_metrics(two, None, SPEC)
    assert metrics.query("metric == 'rate_ratio' and evaluated_on == 'all'").empty
    sites = {name: invented(seed) for seed, name in enumerate(("north", "south", "west"))}
    turned = recurrent_table("all", dict(reversed(sites.items())), SPEC)
    ratios = [table[table["measure"] == "rate_ratio"]["estimate"].to_numpy() for table in (told[1], turned)]
    np.testing.assert_allclose(*ratios, rtol=1e-8)


def test_a_site_without_episodes_tells_nothing():
    events, table = invented(5)
    assert recurrent_table("north", {"north": (events.iloc[:0], table)}, SPEC).empty
    assert standardised(recurrent_table("north", {"north": (events.iloc[:0], table)}, SPEC), 2.0).empty


@pytest.mark.parametrize("sharing", ["synthetic", "private"])
def test_the_report_shows_them(sharing, told, tmp_path):
    inputs, study = report_sample.write(tmp_path), report_sample.study(sharing=sharing)
    study["evaluate"]["recurrent"] = SPEC["recurrent"]
    entry = {"label": "Attacks", "definition": "a treated attack", "merge_days": 14, "terminal": "os"}
    study["harmonize"]["recurrent"] = {"attack": entry}
    study["harmonize"]["variables"]["treated"] = {"label": "Treated", "type": "flag", "unit": None, "levels": []}
    pooled = told[1] if sharing == "synthetic" else None
    for site, part in told[0].groupby("site"):
        (tmp_path / "site_metrics" / site).mkdir(exist_ok=True)
        part.to_csv(tmp_path / "site_metrics" / site / "recurrent.csv", index=False)
    inputs["recurrent"] = sorted(tmp_path.glob("site_metrics/*/recurrent.csv"))
    if pooled is not None:
        pooled.to_csv(tmp_path / "pooled.csv", index=False)
        inputs["pooled_recurrent"] = [tmp_path / "pooled.csv"]
    metrics = pd.concat([report_sample.metrics(), recurrent_metrics(told[0], pooled, SPEC)])
    metrics.to_csv(tmp_path / "metrics.csv", index=False)
    render_report(inputs, study, tmp_path / "report.html", tmp_path / "figures", tmp_path / "summary.json")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert '<section id="recurrent">' in page and 'href="#recurrent"' in page
    assert "M v. F" in page and "yes v. no" in page and "a treated attack" in page
    assert ("Andersen-Gill, pooled" in page) == (sharing == "synthetic")
    for name in ("mcf_attack", "mcf_attack_sex", "mcf_attack_treated"):
        drawn = pd.read_csv(tmp_path / "figures" / f"{name}.csv")
        assert (drawn["lower"].dropna() <= drawn["estimate"][drawn["lower"].notna()]).all()


def test_no_exact_number_is_had_from_rounded_figures(told):
    """Of no group can the numbers of episodes, years and patients be made out, by a product or from a first step of 1 / n."""
    exact = told[0]
    found = round_recurrent(exact, 5)
    rates = found["measure"] == "rate"
    for name in ("n", "events", "years", "at_risk"):
        assert (found[name].dropna() % 5 == 0).all()
    np.testing.assert_allclose(found["estimate"][rates] * found["years"][rates], found["events"][rates])
    np.testing.assert_allclose(found["estimate"][rates], exact["estimate"][rates], rtol=0.1)
    products = [(found["estimate"] * table["years"])[rates] for table in (found, exact)]
    off = exact["events"][rates] % 5 != 0
    assert off.any() and all((np.abs(product - exact["events"][rates])[off] > 1e-6).all() for product in products)
    for name in ("estimate", "error"):
        values = found[name][~rates].dropna()
        assert all(value == pytest.approx(float(f"{value:.3g}"), abs=1e-12) for value in values)
        np.testing.assert_allclose(found[name][~rates], exact[name][~rates], rtol=5.1e-3)
    assert (found[found["measure"] == "mcf"].groupby(["site", "group"])["estimate"].diff().dropna() >= 0).all()
    assert round_recurrent(exact, 1) is exact
    hidden = round_recurrent(exact.assign(events=np.nan, years=np.nan), 5)["estimate"][rates]
    np.testing.assert_allclose(hidden, exact["estimate"][rates], rtol=5.1e-3)
