"""Recurrent events: their rate, their merging, and the intervals in which they are told."""

import numpy as np
import pandas as pd
import pytest

from hemapilots.synthesis.outcomes import draw_outcomes, observe
from hemapilots.synthesis.recurrent import draw_recurrent

N = 20_000


def drawn(merge_days: float, rate: float = 2.0) -> tuple[dict, pd.DataFrame]:
    outcomes = {
        "processes": {"death": {"law": "weibull", "scale": 10.0, "shape": 1.0}},
        "endpoints": {"os": {"time": "t", "event": "e", "events": ["death"]}},
        "death": ["death"],
        "censoring": {"quantiles": {"percent": [0, 100], "years": [1, 6]}},
        "recurrent": {
            "crisis": {"law": "piecewise", "from": [0, 20], "rates": [rate, 2 * rate], "age": "age", "factor": "z"}
            | {"merge_days": merge_days}
        },
    }
    rng, classes = np.random.default_rng(5), np.zeros(N, dtype=int)
    table = {"age": rng.uniform(10, 30, N), "z": rng.gamma(2.0, 0.5, N)}
    table |= draw_outcomes(outcomes, table, classes, {}, rng)
    table |= observe(outcomes, table, classes, rng)
    return table, draw_recurrent(outcomes, table, classes, rng)


def test_episodes_come_at_their_intensity():
    table, events = drawn(0, 0.2)
    young = np.clip(20 - table["age"], 0, table["t"])
    expected = (table["z"] * (0.2 * young + 0.4 * (table["t"] - young))).sum()
    assert (events["event"] == 1).sum() == pytest.approx(expected, rel=0.03)
    counts = np.bincount(events["row"][events["event"] == 1], minlength=N)
    # A frailty of variance 1/2 makes counts more spread than Poisson ones of the same mean.
    assert counts.var() > 1.3 * counts.mean()


def test_the_first_episode_is_that_of_its_process():
    attack = {"law": "piecewise", "from": [0, 20], "rates": [0.3, 0.6], "age": "age", "factor": "z", "until": ["death"]}
    outcomes = {
        "processes": {"death": {"law": "weibull", "scale": 10.0, "shape": 1.0}, "attack": attack},
        "endpoints": {"first": {"time": "t", "event": "e", "events": ["attack"], "competing": ["death"]}},
        "death": ["death"],
        "censoring": {"quantiles": {"percent": [0, 100], "years": [1, 6]}},
        "recurrent": {"attacks": {"process": "attack"}},
    }
    rng, classes = np.random.default_rng(6), np.zeros(N, dtype=int)
    table = {"age": rng.uniform(10, 30, N), "z": rng.gamma(2.0, 0.5, N)}
    table |= draw_outcomes(outcomes, table, classes, {}, rng)
    table |= observe(outcomes, table, classes, rng)
    events = draw_recurrent(outcomes, table, classes, rng)
    first = events.groupby("row").first()
    # Both on the day on which observation ends: one row tells the end only.
    apart = table["t"] < table["last"]
    assert np.array_equal(first["event"][apart] == 1, (table["e"] == 1)[apart])
    assert first["stop"].to_numpy() == pytest.approx(table["t"])
    young = np.clip(20 - table["age"], 0, table["last"])
    expected = (table["z"] * (0.3 * young + 0.6 * (table["last"] - young))).sum()
    assert (events["event"] == 1).sum() == pytest.approx(expected, rel=0.03)


def test_intervals_cover_observation_without_gaps():
    table, events = drawn(14)
    assert (events["start"] < events["stop"]).all()
    first, last = events.groupby("row").first(), events.groupby("row").last()
    assert len(first) == N and (first["start"] == 0).all() and last["stop"].to_numpy() == pytest.approx(table["t"])
    same = events["row"] == events["row"].shift()
    assert (events["start"][same] == events["stop"].shift()[same]).all()
    assert np.array_equal(last["event"].to_numpy(), np.where(table["e"] == 1, 2.0, 0.0))
    assert (events["event"][events["row"] == events["row"].shift(-1)] == 1).all()


def test_episodes_close_together_are_one():
    _, apart = drawn(14)
    _, all_of_them = drawn(0)
    episodes = apart[apart["event"] == 1]
    gap = episodes.groupby("row")["stop"].diff().dropna() * 365.25
    assert gap.min() >= 14 - 1e-6
    assert 0.85 < len(apart) / len(all_of_them) < 0.97


def test_nothing_recurs_where_nothing_is_declared():
    outcomes = {"death": [], "recurrent": {}}
    events = draw_recurrent(
        outcomes, {"last": np.ones(3), "died": np.zeros(3)}, np.zeros(3, dtype=int), np.random.default_rng(0)
    )
    assert list(events) == ["row", "outcome", "start", "stop", "event"] and len(events) == 0
