"""A site, the pooled table and their combination, from invented patients to CSV files."""

import weakref

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sksurv.metrics import concordance_index_censored, integrated_brier_score
from sksurv.util import Surv

from hemapilots.errors import HemaPilotsError
from hemapilots.evaluation import combine, evaluate_pooled, evaluate_site, scope, verdict, within_site, write_metrics
from hemapilots.evaluation.calibration_curves import calibration_table
from hemapilots.evaluation.frames import COMPARISON_COLUMNS, COUNT_COLUMNS, METRIC_COLUMNS, frame
from hemapilots.evaluation.histograms import site_histograms
from hemapilots.evaluation.job_tables import pooled_tables
from hemapilots.evaluation.scope import Scopes

GRID = [0.25 * k for k in range(1, 13)]
FEDERATED, POOLED, OWN, SCORE = (
    ("cox", "federated/newton"),
    ("cox", "pooled"),
    ("cox", "local/own"),
    ("score", "score/s"),
)


def predictions(patients, folds, linear, survival=True):
    table = folds.merge(pd.DataFrame({"row": patients["row"], "risk": linear}), on="row")
    for t in GRID:
        table[f"survival_{t:g}"] = np.exp(-np.exp(table["risk"]) * t / 4) if survival else np.nan
    return table


def invented(sizes=(180, 120), seed=0, replicates=2, folds=3):
    """Sites of a pilot: pooled predicts exactly as federated, own is noisier, the score is coarse."""
    rng, sites, first = np.random.default_rng(seed), {}, 0
    for name, n in zip("ab", sizes, strict=True):
        rows = np.arange(first, first + n)
        first += n
        x = rng.normal(size=n)
        time, limit = rng.exponential(4 * np.exp(-x)), rng.uniform(1, 10, n)
        patients = pd.DataFrame(
            {"row": rows, "os_entry": 0.0, "os_time": np.minimum(time, limit), "os_event": 1.0 * (time <= limit)}
        )
        dealt = [
            pd.DataFrame({"replicate": r, "fold": rng.permutation(n) % folds, "row": rows}) for r in range(replicates)
        ]
        dealt = pd.concat(dealt, ignore_index=True)
        sites[name] = (
            patients,
            dealt,
            {
                ("os", *FEDERATED): predictions(patients, dealt, x),
                ("os", *POOLED): predictions(patients, dealt, x),
                ("os", *OWN): predictions(patients, dealt, x + 2 * rng.normal(size=n)),
                ("os", *SCORE): predictions(patients, dealt, np.round(x), survival=False),
            },
        )
    return sites


def plan(**changes):
    against = dict(zip(("reference_model", "reference_regime"), POOLED, strict=True))
    base = {"endpoint": "os", "model": "cox", "regime": "federated/newton"}
    return {
        "scenario": "base",
        "endpoints": ["os"],
        "primary_endpoint": "os",
        "horizons": {"os": [2.0]},
        "decisions": [],
        "subgroups": [],
        "categories": {},
        "competing": {},
        "entry": [],
        "tau": 3.0,
        "grid": GRID,
        "risk_edges": [k / 50 for k in range(1, 50)],
        "bootstrap": {"samples": 60, "seed": 11, "level": 0.95},
        "minimum_cell": 5,
        "comparisons": [base | against],
        "criteria": [
            {"name": "not worse", "test": "non_inferior", "against": list(POOLED), "margin": 0.01},
            {"name": "helps", "test": "superior", "against": list(OWN)},
            {
                "name": "harmless",
                "test": "no_site_harmed",
                "against": list(OWN),
                "margin": 0.05,
                "minimum_events": 20,
            },
        ],
        "primary": base | {"metric": "uno_c"},
    } | changes


def pick(table, **where):
    for name, value in where.items():
        table = table[table[name] == value]
    return table


@pytest.fixture(scope="module")
def pilot():
    sites, spec = invented(), plan()
    pooled = evaluate_pooled(Scopes(sites, spec))
    released = [evaluate_site(name, Scopes({name: sites[name]}, spec)) for name in sites]
    return sites, spec, pooled, released


def test_columns_and_rows(pilot):
    _, _, (metrics, comparisons), released = pilot
    assert list(metrics) == METRIC_COLUMNS and list(comparisons) == COMPARISON_COLUMNS
    assert len(metrics) == 4 * 13 and len(comparisons) == 2 * 7
    assert set(metrics["evaluated_on"]) == {"all"} and set(metrics["n"]) == {300.0}
    for name, (site_metrics, counts) in zip("ab", released, strict=True):
        assert list(site_metrics) == METRIC_COLUMNS and list(counts) == COUNT_COLUMNS
        assert set(site_metrics["evaluated_on"]) == {name} == set(counts["site"])
        assert set(counts["kind"]) == {"metric", "difference", "endpoint", "horizon"}


def test_harrell_is_the_pair_weighted_mean_over_folds_then_replicates(pilot):
    sites, _, (metrics, _), _ = pilot
    table = pd.concat([f.merge(o, on="row").merge(p[("os", *OWN)]) for o, f, p in sites.values()])
    means = []
    for _, replicate in table.groupby("replicate"):
        folds = [
            concordance_index_censored(f["os_event"].to_numpy(bool), f["os_time"], f["risk"])
            for _, f in replicate.groupby("fold")
        ]
        pairs = [sum(fold[1:4]) for fold in folds]
        means.append(np.average([fold[0] for fold in folds], weights=pairs))
    row = pick(metrics, regime="local/own", metric="harrell_c").iloc[0]
    assert row["estimate"] == pytest.approx(np.mean(means), abs=1e-12)
    assert row["lower"] < row["estimate"] < row["upper"]


def test_integrated_brier_pools_a_replicates_rows(pilot):
    sites, _, (metrics, _), _ = pilot
    outcomes = pd.concat([o for o, _, _ in sites.values()])
    table = pd.concat([p[("os", *FEDERATED)] for _, _, p in sites.values()])
    table = pick(table, replicate=0).set_index("row").loc[outcomes["row"]]
    known = Surv.from_arrays(outcomes["os_event"] == 1, outcomes["os_time"])
    expected = integrated_brier_score(known, known, table[[f"survival_{t:g}" for t in GRID]].to_numpy(), GRID)
    found = pick(metrics, regime="federated/newton", metric="ibs").iloc[0]["estimate"]
    assert found == pytest.approx(expected, abs=1e-12)


def test_scores_without_survival_have_a_ranking_only(pilot):
    _, _, (metrics, _), _ = pilot
    score = pick(metrics, model="score")
    ranking = score["metric"].isin(["uno_c", "harrell_c", "auc"])
    assert score[~ranking]["estimate"].isna().all() and score[ranking]["estimate"].notna().all()


def test_identical_predictions(pilot):
    _, _, (_, comparisons), _ = pilot
    same = pick(comparisons, reference_regime="pooled")
    assert (same[["difference", "lower", "upper"]] == 0).all(axis=None)
    assert set(same["p"]) == {"identical"}


def test_paired_difference_is_the_difference_of_the_metrics(pilot):
    _, _, (metrics, comparisons), _ = pilot
    row = pick(comparisons, reference_regime="local/own", metric="uno_c").iloc[0]
    one, other = (pick(metrics, regime=r, metric="uno_c").iloc[0] for r in ("federated/newton", "local/own"))
    assert row["difference"] == pytest.approx(one["estimate"] - other["estimate"], abs=1e-12)
    assert row["upper"] - row["lower"] < (one["upper"] - one["lower"]) + (other["upper"] - other["lower"])


def test_intersection_of_patients():
    sites = invented()
    score = sites["a"][2][("os", *SCORE)]
    score.loc[(score["replicate"] == 1) & (score["row"] < 7), "risk"] = np.nan
    sites["b"][0].loc[:2, "os_time"] = np.nan
    metrics, comparisons = evaluate_pooled(Scopes(sites, plan()))
    assert set(metrics["n"]) == {290.0} and set(comparisons["n"]) == {290.0}


def scored(sites, share):
    """The same predictions, the score known for this share of each site's patients."""
    kept = {}
    for name, (patients, folds, found) in sites.items():
        known = patients["row"].iloc[: int(share * len(patients))]
        score = found[("os", *SCORE)]
        kept[name] = patients, folds, found | {("os", *SCORE): score[score["row"].isin(known)]}
    return kept


def test_a_score_that_few_have_is_judged_on_them_and_takes_nobody_from_the_others(pilot):
    sites, _, (everybody, _), _ = pilot
    against = dict(zip(("reference_model", "reference_regime"), SCORE, strict=True))
    spec = plan(comparisons=[plan()["comparisons"][0], plan()["comparisons"][0] | against])
    metrics, comparisons = evaluate_pooled(Scopes(scored(sites, 0.5), spec))
    of_models = metrics["model"] == "cox"
    pd.testing.assert_frame_equal(
        metrics[of_models].reset_index(drop=True), pick(everybody, model="cox").reset_index(drop=True)
    )
    assert set(metrics.loc[~of_models, "n"]) == {150.0}
    # The same figures as where nobody but these patients exists.
    few = {
        name: (patients.iloc[: len(patients) // 2], folds, found) for name, (patients, folds, found) in sites.items()
    }
    alone, compared = evaluate_pooled(Scopes(few, spec))
    expected = pick(alone, model="score")
    pd.testing.assert_frame_equal(metrics[~of_models].reset_index(drop=True), expected.reset_index(drop=True))
    columns = ["metric", "difference", "lower", "upper", "n"]
    pd.testing.assert_frame_equal(
        pick(comparisons, **against)[columns].reset_index(drop=True),
        pick(compared, **against)[columns].reset_index(drop=True),
    )
    assert set(pick(comparisons, reference_regime="pooled")["n"]) == {300.0}


def test_a_score_that_is_the_same_for_the_few_who_have_it_is_not_judged(pilot):
    sites = {}
    for name, (patients, folds, found) in scored(pilot[0], 0.5).items():
        sites[name] = patients, folds, found | {("os", *SCORE): found[("os", *SCORE)].assign(risk=2.0)}
    judged = pick(evaluate_pooled(Scopes(sites, plan()))[0], model="score")
    assert judged["estimate"].isna().all() and set(judged["n"]) == {0.0}


def test_a_score_that_nearly_all_have_is_compared_on_common_patients(pilot):
    metrics, _ = evaluate_pooled(Scopes(scored(pilot[0], 0.95), plan()))
    assert set(metrics["n"]) == {285.0}


def test_a_regime_without_predictions_empties_nobody():
    sites = invented()
    for site in sites.values():
        site[2][("os", *OWN)]["risk"] = np.nan
    metrics, comparisons = evaluate_pooled(Scopes(sites, plan()))
    assert set(pick(metrics, regime="pooled")["n"]) == {300.0}
    absent = pick(metrics, regime="local/own")
    assert absent["estimate"].isna().all() and set(absent["n"]) == {0.0}
    assert pick(comparisons, reference_regime="local/own")["difference"].isna().all()


def test_order_of_rows_and_sites_changes_no_byte(pilot, tmp_path):
    sites, spec, (metrics, comparisons), _ = pilot
    shuffled = {}
    for name in reversed(list(sites)):
        outcomes, folds, tables = sites[name]
        mixed = {key: table.sample(frac=1, random_state=3) for key, table in reversed(list(tables.items()))}
        shuffled[name] = (
            outcomes.sample(frac=1, random_state=1),
            folds.sample(frac=1, random_state=2),
            mixed,
        )
    again = evaluate_pooled(Scopes(shuffled, spec))
    for name, table in zip(("m", "c", "m2", "c2"), (metrics, comparisons, *again), strict=True):
        write_metrics(table.sample(frac=1, random_state=4), tmp_path / name)
    assert (tmp_path / "m").read_bytes() == (tmp_path / "m2").read_bytes()
    assert (tmp_path / "c").read_bytes() == (tmp_path / "c2").read_bytes()


def test_repeated_patients_are_refused():
    sites = invented()
    outcomes, folds, tables = sites["a"]
    doubled = tables | {("os", *OWN): pd.concat([tables[("os", *OWN)]] * 2)}
    with pytest.raises(HemaPilotsError, match="twice"):
        evaluate_site("a", Scopes({"a": (outcomes, folds, doubled)}, plan()))


def test_within_site_by_hand():
    rows = [
        {
            "site": "a",
            "kind": "metric",
            "estimate": 0.70,
            "se": 0.02,
            "weight": 300.0,
            "n": 90.0,
            "events": 40.0,
        },
        {
            "site": "b",
            "kind": "metric",
            "estimate": 0.80,
            "se": 0.04,
            "weight": 100.0,
            "n": 50.0,
            "events": 20.0,
        },
        {"site": "c", "kind": "metric", "n": 6.0},
    ]
    name = {"endpoint": "os", "model": "cox", "regime": "pooled", "metric": "harrell_c"}
    counts = frame([row | name for row in rows], COUNT_COLUMNS)
    found = within_site(counts, "metric", plan()).iloc[0]
    se = np.sqrt(0.75**2 * 0.02**2 + 0.25**2 * 0.04**2)
    assert found["estimate"] == pytest.approx(0.725)
    assert found["upper"] == pytest.approx(0.725 + norm.ppf(0.975) * se)
    assert (found["n"], found["events"], found["evaluated_on"]) == (140.0, 60.0, "all")
    counts["kind"] = "difference"
    found = within_site(counts, "difference", plan()).iloc[0]
    assert found["difference"] == pytest.approx(0.725)
    assert float(found["p"]) == pytest.approx(2 * norm.sf(0.725 / se), rel=1e-9)


def test_combination_with_and_without_pooling(pilot):
    sites, spec, pooled, released = pilot
    metrics, counts = zip(*released, strict=True)
    histograms = [site_histograms(name, Scopes({name: data}, spec)) for name, data in sites.items()]
    with_rows = combine(metrics, counts, histograms, *pooled, spec)
    without = combine(metrics[::-1], counts[::-1], histograms[::-1], None, None, spec)
    alone = [table[0][table[0]["metric"].str.contains("_histogram|_within_site")] for table in (with_rows, without)]
    pd.testing.assert_frame_equal(*(table.reset_index(drop=True) for table in alone))
    assert {"uno_c_histogram", "uno_c_within_site", "oe_histogram"} <= set(alone[0]["metric"])
    for found, comparisons in (with_rows, without):
        assert list(found) == METRIC_COLUMNS and list(comparisons) == COMPARISON_COLUMNS
        assert not found.duplicated(METRIC_COLUMNS[: METRIC_COLUMNS.index("estimate")]).any()
        assert not comparisons.duplicated(COMPARISON_COLUMNS[: COMPARISON_COLUMNS.index("difference")]).any()
    assert set(pick(with_rows[1], evaluated_on="all")["estimand"]) == {"pooled", "within-site"}
    everywhere = pick(without[1], evaluated_on="all")
    assert set(everywhere["estimand"]) == {"within-site"}
    assert set(pick(everywhere, reference_regime="pooled")["p"]) == {"identical"}
    one, other = (pick(t[0], evaluated_on="all", regime="local/own", metric="uno_c") for t in (with_rows, without))
    assert one["estimate"].item() == pytest.approx(other["estimate"].item(), abs=0.03)
    for found, comparisons in (with_rows, without):
        judged = verdict(comparisons, found, spec)
        assert [c["outcome"] for c in judged["criteria"]] == ["met", "met", "met"]
        assert [s["site"] for s in judged["criteria"][2]["sites"]] == ["a", "b"]


def test_small_site_releases_no_small_cell():
    outcomes, folds, tables = invented()["a"]
    few = outcomes.head(12).assign(os_event=[1.0] * 4 + [0.0] * 8)
    metrics, counts = evaluate_site("a", Scopes({"a": (few, folds, tables)}, plan()))
    assert metrics["events"].isna().all() and metrics["estimate"].isna().all()
    assert counts[["estimate", "lower", "upper", "se", "weight", "events", "at_risk"]].isna().all(axis=None)
    assert set(pick(counts, kind="endpoint")["n"]) == {12.0}
    open_metrics, _ = evaluate_site("a", Scopes({"a": (few, folds, tables)}, plan(minimum_cell=0)))
    assert set(open_metrics["events"]) == {4.0}


def test_horizon_counts_hide_what_subtraction_would_reveal():
    """Two events after the second horizon would be the total minus the events before it."""
    sites = invented()
    outcomes, folds, tables = sites["a"]
    late = np.sort(outcomes.loc[outcomes["os_event"] == 1, "os_time"])[-3] + 1e-9
    horizons = [1.0, float(late)]
    _, counts = evaluate_site("a", Scopes({"a": (outcomes, folds, tables)}, plan(horizons={"os": horizons})))
    told = pick(counts, kind="horizon").set_index("horizon")
    assert np.isfinite(told.loc[1.0, ["events", "at_risk"]].to_numpy(float)).all()
    assert told.loc[late, ["events", "at_risk"]].isna().all()


def test_horizon_rule():
    sites = invented()
    outcomes, folds, tables = sites["a"]
    metrics, _ = evaluate_site("a", Scopes({"a": (outcomes, folds, tables)}, plan(horizons={"os": [0.01, 2.0, 9.9]})))
    auc = pick(metrics, metric="auc", regime="pooled").set_index("horizon")["estimate"]
    assert np.isfinite(auc[2.0]) and np.isnan(auc[0.01]) and np.isnan(auc[9.9])


def test_a_site_without_patients_keeps_its_rows():
    outcomes, folds, tables = invented()["a"]
    metrics, counts = evaluate_site("a", Scopes({"a": (outcomes.head(0), folds.head(0), tables)}, plan()))
    assert len(metrics) == 4 * 13 and metrics["estimate"].isna().all()
    assert len(pick(counts, kind="difference")) == 2 * 7


def test_file_has_ten_digits_and_no_negative_zero(tmp_path):
    table = frame([{"metric": "uno_c", "estimate": 1 / 3, "lower": -0.0, "n": 10.0}], METRIC_COLUMNS)
    write_metrics(table, tmp_path / "metrics.csv")
    assert (tmp_path / "metrics.csv").read_text().splitlines()[1] == ",,,,,,uno_c,,,,0.3333333333,0,,10,"
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]


def test_a_site_where_nobodys_outcome_is_known_has_no_figures_and_changes_none(pilot):
    sites, spec, (pooled, _), _ = pilot
    patients, dealt, tables = invented(sizes=(180, 40), seed=5)["b"]
    unknown = (
        patients.assign(os_time=np.nan, os_event=np.nan),
        dealt,
        {key: one.iloc[:0] for key, one in tables.items()},
    )
    own, counts = evaluate_site("c", Scopes({"c": unknown}, spec))
    assert own["estimate"].isna().all() and counts["estimate"].isna().all()
    again, _ = evaluate_pooled(Scopes({**sites, "c": unknown}, spec))
    pd.testing.assert_frame_equal(again, pooled)


def test_endpoints_one_after_the_other_give_the_same_and_hold_the_weights_of_one(monkeypatch):
    sites = {}
    for name, (patients, dealt, tables) in invented().items():
        late = {f"pfs_{part}": patients[f"os_{part}"] for part in ("entry", "time")}
        patients = patients.assign(**late, pfs_event=1.0 * (patients["os_time"] < 3))
        sites[name] = patients, dealt, tables | {("pfs", *key[1:]): table for key, table in tables.items()}
    nothing = {"covariates": [], "treatments": {}}
    spec = plan(endpoints=["os", "pfs"], horizons={"os": [2.0], "pfs": [2.0]}, sensitivity=nothing)
    metrics, comparisons = evaluate_pooled(Scopes(sites, spec))
    calibration = calibration_table("all", Scopes(sites, spec))
    held, made = [], scope.scope_of

    def watched(endpoint, *parts):
        assert all(weights() is None for other, weights in held if other != endpoint)
        found = made(endpoint, *parts)
        held.append((endpoint, weakref.ref(found.outcomes.weights)))
        return found

    monkeypatch.setattr(scope, "scope_of", watched)
    found = pooled_tables(Scopes(sites, spec))
    assert [endpoint for endpoint, _ in held] == ["os", "pfs"]
    expected = {"metrics": metrics, "comparisons": comparisons, "calibration": calibration}
    for name, table in expected.items():
        pd.testing.assert_frame_equal(found[name], table)
    assert set(found["sensitivity"]["endpoint"]) == {"os"}
