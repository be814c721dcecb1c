"""`make compare`: figures of every regime on the same patients, costs from ledgers, and the page that shows both."""

import numpy as np
import pandas as pd
import pytest
from lifelines.utils import concordance_index

from hemapilots.evaluation.contest import contest
from hemapilots.federation.costs import costs
from hemapilots.report.comparison import render_comparison

SPEC = {
    "primary": {"endpoint": "os", "model": "cox", "regime": "federated/newton", "metric": "uno_c"},
    "grid": [1.0, 2.0],
    "tau": 3.0,
    "bootstrap": {"samples": 60, "seed": 3, "level": 0.95},
    "competing": {},
    "decisions": [],
    "subgroups": [],
}


def site(n, seed):
    """Outcomes, one test fold, and predictions of two models, a score and an exact copy of the federated model."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=n)
    time, event = rng.exponential(2 / np.exp(signal)), rng.random(n) < 0.8
    outcomes = pd.DataFrame({"row": np.arange(n), "os_entry": 0.0, "os_time": time, "os_event": event.astype(float)})
    folds = pd.DataFrame({"replicate": 0, "fold": 0, "row": np.arange(n)})

    def frame(risk):
        return folds.assign(risk=risk, **{"survival_1": np.nan, "survival_2": np.nan})

    weak = signal + rng.normal(0, 3, n)
    risks = {("cox", "federated/newton"): signal, ("cox", "pooled"): signal, ("cox", "local/own"): weak}
    risks |= {("deepsurv", "federated/fedavg"): weak, ("deepsurv", "pooled"): signal, ("score", "score/s"): weak}
    return outcomes, folds, {("os", *key): frame(risk) for key, risk in risks.items()}, (time, event, weak)


@pytest.fixture(scope="module")
def figures():
    sites = {"site-a": site(120, 1), "site-b": site(80, 2)}
    raw = [np.concatenate([one[3][k] for one in sites.values()]) for k in range(3)]
    return contest({name: one[:3] for name, one in sites.items()}, SPEC), raw


def row(table, model, regime, reference=None, metric="harrell_c"):
    chosen = (table["model"] == model) & (table["regime"] == regime) & (table["metric"] == metric)
    chosen &= table["reference_regime"].isna() if reference is None else table["reference_regime"] == reference
    assert chosen.sum() == 1
    return table[chosen].iloc[0]


def test_c_is_that_of_another_library_and_differences_are_paired(figures):
    table, (time, event, weak) = figures
    found = row(table, "deepsurv", "federated/fedavg")
    assert found["estimate"] == pytest.approx(concordance_index(time, -weak, event), abs=1e-9)
    assert found["lower"] < found["estimate"] < found["upper"] and found["n"] == 200
    pooled = row(table, "deepsurv", "pooled")["estimate"]
    difference = row(table, "deepsurv", "federated/fedavg", "pooled")
    assert difference["estimate"] == pytest.approx(found["estimate"] - pooled, abs=1e-12) and difference["upper"] < 0


def test_the_same_predictions_differ_by_nothing(figures):
    same = row(figures[0], "cox", "federated/newton", "pooled")
    assert (same["estimate"], same["lower"], same["upper"], same["p"]) == (0, 0, 0, "identical")


def test_only_the_declared_regime_is_held_against_scores(figures):
    table, _ = figures
    held = table[table["reference_regime"].eq("score/s")]
    assert set(zip(held["model"], held["regime"], strict=True)) == {("cox", "federated/newton")}


def ledger(stage, seconds, size, messages):
    when = pd.Timestamp("2026-01-01T00:00:00.000+00:00") + pd.to_timedelta(np.linspace(0, seconds, messages), unit="s")
    return pd.DataFrame({"stage": stage, "when": [one.isoformat() for one in when], "bytes": size})


def test_costs_are_counted_in_the_ledgers():
    stage = "federated/newton cox os"
    ledgers = {"site-a": ledger(stage, 2.0, 100, 9), "site-b": ledger(stage, 1.5, 10, 4)}
    ledgers["site-b"] = pd.concat([ledgers["site-b"], ledger("federated/newton other os", 9.0, 7, 3)])
    card = {"rounds": 5, "unconverged_fits": 0, "absences": [{"times": 2}, {"times": 1}]}
    found = costs(ledgers, {("os", "cox", "federated/newton"): card, ("os", "score", "score/s"): card}).to_dict(
        "records"
    )
    assert len(found) == 1
    one = found[0]
    assert (one["rounds"], one["exchanges"], one["bytes"], one["absences"]) == (5, 9, 940, 3)
    assert one["seconds"] == pytest.approx(2.0) and one["deployed_seconds"] == pytest.approx(9 * 6.2)


def test_the_page_says_what_was_declared_and_what_was_not_run(figures, tmp_path):
    use_case = {
        "endpoints": {"os": {"label": "Overall survival"}},
        "comparators": {"s": {"label": "Score S"}},
        "variables": {},
        "derived": {},
    }
    study = {"harmonize": use_case, "evaluate": SPEC, "varies": None, "in_sample": {"s": "fitted on these"}}
    refused = [{"model": "cox", "strategy": name, "reason": "too few sites"} for name in ("krum", "fedtrimmedavg")]
    studies = [{"pilot": "p", "title": "T", "sharing": "public", "report": study, "refused": refused}]
    stage = "federated/newton cox os"
    spent = costs(
        {"a": ledger(stage, 1.0, 5, 3)}, {("os", "cox", "federated/newton"): {"rounds": 2, "unconverged_fits": 0}}
    )
    render_comparison(figures[0].assign(pilot="p"), spent.assign(pilot="p"), studies, tmp_path / "index.html")
    page = (tmp_path / "index.html").read_text()
    for words in (
        "Declared beforehand: cox, federated (newton)",
        "exploratory",
        "nothing on this page is pre-registered in the strict sense",
        "cox by krum, fedtrimmedavg: too few sites",
        "fitted on these",
        "0.3 min",
    ):
        assert words in page
    best = f"{row(figures[0], 'cox', 'federated/newton', metric='uno_c')['estimate']:.3f}"
    assert best in page and "Answers missed" not in page
