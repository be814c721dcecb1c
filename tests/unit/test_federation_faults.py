"""Sites that drop out, come late, answer with no numbers or lie: who goes on, with what, and what is written down."""

import numpy as np
import pytest
from lifelines.utils import concordance_index

from federation_sample import NETWORK, grid_for, plan_for, pooled, sites
from hemapilots.errors import HemaPilotsError
from hemapilots.federation.client import client_app
from hemapilots.federation.faults import FaultyGrid, mods_of, strikes
from hemapilots.federation.release import Exit
from hemapilots.federation.server import train
from hemapilots.models.registry import model_of

SIZES = [60, 50, 40, 40, 30]
AVERAGE = {"rounds": 6, "local_steps": 2, "learning_rate": 0.2}
NEWTON = {"name": "newton", "baseline": "site", "tolerance": 1e-10, "rounds": 60}
STRATEGIES = {
    "newton": ("cox", NEWTON),
    "shared newton": ("cox", NEWTON | {"baseline": "shared"}),
    "meta": ("cox", {"name": "meta"}),
    "oneshot": ("cox", {"name": "oneshot", "baseline": "site"}),
    "shared oneshot": ("cox", {"name": "oneshot", "baseline": "shared"}),
    "forest_sampling": ("forest", {"name": "forest_sampling"}),
    **{
        name: ("cox", AVERAGE | {"name": name} | options)
        for name, options in {
            "fedavg": {},
            "fedprox": {"mu": 0.1},
            "fedadam": {"server_rate": 0.1, "tau": 0.001, "beta_1": 0.9, "beta_2": 0.99},
            "fedyogi": {"server_rate": 0.1, "tau": 0.001, "beta_1": 0.9, "beta_2": 0.99},
            "fedadagrad": {"server_rate": 0.1, "tau": 0.001},
            "fedavgm": {"server_rate": 1.0, "momentum": 0.5},
            "fedmedian": {},
            "fedtrimmedavg": {"trimmed": 0.2},
            "krum": {"malicious": 1},
            "scaffold": {},
        }.items()
    },
    "deepsurv": ("deepsurv", AVERAGE | {"name": "fedavg"}),
    "discrete_hazard": ("discrete_hazard", AVERAGE | {"name": "fedavg"}),
}
FOREST = {"trees": 10, "leaf_patients": 15, "columns_tried": 2, "thresholds": [-1.0, 0.0, 1.0], "cuts": [0.5, 1.0, 2.0]}


def fault(kind, round_=2, share=1.0, factor=None):
    return {"kind": kind, "round": round_, "share": share, "seed": 3, "factor": factor}


def settings_of(kind):
    if kind == "forest":
        return FOREST | {"seed": 1}
    return NETWORK | {"cuts": [0.5, 1.0, 2.0], "rounds": 6, "patience": 3} if kind != "cox" else {}


def federation(kind, parts, faults):
    """The grid of five sites of which some have faults, and their exits."""
    for part in parts:
        part.forget()
    exits = {f"site-{k}": Exit(f"site-{k}", "test", "off") for k in range(len(parts))}
    apps = {
        site: client_app(kind, part, exits[site], *mods_of(faults, site, exits[site]))
        for (site, part) in zip(exits, parts, strict=True)
    }
    return FaultyGrid(apps, exits, faults), exits


def trained(kind, options, faults, parts=None, penalties=(1.0, 20.0)):
    parts = sites(SIZES) if parts is None else parts
    plan = plan_for(kind, settings_of(kind), penalties=penalties if kind == "cox" else (0.0,))
    grid, exits = federation(kind, parts, faults)
    return train(grid, plan, options), exits


@pytest.mark.parametrize("kind_of_fault", ["drop", "late", "nan"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_finishes_and_says_what_happened(strategy, kind_of_fault):
    kind, options = STRATEGIES[strategy]
    first = 1 if strategy == "meta" else 2
    fitted, exits = trained(kind, options, {"site-2": fault(kind_of_fault, first)})
    assert all(np.isfinite(value).all() for value in fitted.state.values())
    absences = fitted.more["absences"]
    assert {absence["site"] for absence in absences} == {"site-2"}
    assert absences[0]["round"] == first and absences[0]["times"] >= 1
    averaged = options["name"] not in ("newton", "meta", "oneshot", "forest_sampling")
    assert absences[0]["consequence"].startswith("the round went on" if averaged else "out from then on")
    said = {"drop": ("no answer", "dropped out"), "late": ("released", "discarded"), "nan": ("refused", "not finite")}
    decision, words = said[kind_of_fault]
    entries = [entry for entry in exits["site-2"].entries if entry["decision"] == decision and words in entry["reason"]]
    assert entries and entries[0]["round"] == first
    assert all(not entry["reason"] for site in exits if site != "site-2" for entry in exits[site].entries)


@pytest.mark.parametrize("strategy", ["newton", "shared newton"])
def test_without_a_site_the_exact_fit_is_that_of_the_rest(strategy):
    """Each fit maximises the penalised likelihood of the sites that are left, on the scale that was agreed with all."""
    options, parts = STRATEGIES[strategy][1], sites(SIZES)
    found, _ = trained("cox", options, {"site-4": fault("drop", 3)}, parts)
    everybody, _ = trained("cox", options, {}, sites(SIZES))
    assert np.abs(found.coefficients - everybody.coefficients).max() > 1e-3
    # The rest alone, on the agreed scale: standardised beforehand, and told that this is the scale.
    location, scale = found.preprocessing.location[0], found.preprocessing.scale[0]
    np.testing.assert_allclose(location, pooled(sites(SIZES)).x.mean(axis=0))
    rest = sites(SIZES)[:4]
    score = gradient(rest, (found.coefficients[0, 0] / scale), scale, shared=options["baseline"] == "shared")
    np.testing.assert_allclose(score, 1.0 * found.coefficients[0, 0], atol=1e-6)


def gradient(parts, beta, scale, shared):
    """Slope of the Efron log partial likelihood in scaled coefficients, over the event times one by one, by definition."""
    total = np.zeros(beta.size)
    for part in [pooled(parts)] if shared else parts:
        weight = np.exp(part.x @ beta)
        for time in np.unique(part.time[part.event == 1]):
            died, at_risk = (part.time == time) & (part.event == 1), part.time >= time
            for k in range(died.sum()):
                w = weight * (at_risk - k / died.sum() * died)
                total -= w @ part.x / w.sum()
            total += part.x[died].sum(axis=0)
    return total / scale


def test_a_late_site_takes_part_in_the_rounds_that_it_meets():
    always, _ = trained("cox", STRATEGIES["fedavg"][1], {"site-0": fault("late", 1)})
    at_times, exits = trained("cox", STRATEGIES["fedavg"][1], {"site-0": fault("late", 1, share=0.5)})
    missed = sum("discarded" in entry["reason"] for entry in exits["site-0"].entries)
    expected = sum(strikes(fault("late", 1, share=0.5), round_) for round_ in range(1, 7))
    assert 0 < missed == expected < 6
    assert at_times.more["absences"][0]["times"] == missed
    rest, _ = trained("cox", STRATEGIES["fedavg"][1], {"site-0": fault("drop", 1)})
    assert np.abs(at_times.coefficients - always.coefficients).max() > 1e-4
    # Never in time is as good as never there, as far as the average goes.
    np.testing.assert_allclose(always.coefficients, rest.coefficients, atol=1e-12)


ROBUST = {"fedmedian": 0.02, "fedtrimmedavg": 0.02, "krum": 0.03}
# An update of 100 times its size, and one turned round at a site with half of the patients, which outweighs the others in an average.
POISONED = {
    "scaled": (fault("poison", 1, factor=100.0), [100] * 5),
    "turned": (fault("poison", 1, factor=-1.0), [520, 130, 130, 130, 130]),
}
LONG = {"rounds": 20, "local_steps": 2}
LEARNING = {"optimizer": "adam", "learning_rate": 0.05, "local_steps": 2, "rounds": 20}


def concordance(kind, fitted, parts):
    """Harrell's C of the final model on all rows."""
    everybody = pooled(parts)
    state = {name: value[0, 0] for name, value in fitted.state.items()}
    risk = model_of(kind).risk(state, fitted.preprocessing.apply(everybody.x, 0), fitted.plan.settings)
    return concordance_index(everybody.time, -np.nan_to_num(risk), everybody.event)


@pytest.mark.parametrize("kind", ["cox", "deepsurv"])
@pytest.mark.parametrize("attack", POISONED)
def test_robust_strategies_stay_near_and_the_plain_average_fails(attack, kind):
    (poison, sizes), found, largest = POISONED[attack], {}, {}
    for name, faults in [("clean", {}), *((name, {"site-0": poison}) for name in ("fedavg", *ROBUST))]:
        options = STRATEGIES["fedavg" if name == "clean" else name][1] | LONG
        settings = NETWORK | LEARNING if kind != "cox" else {}
        plan, (grid, exits) = plan_for(kind, settings, penalties=(0.0,)), federation(kind, sites(sizes), faults)
        fitted = train(grid, plan, options)
        found[name] = concordance(kind, fitted, sites(sizes))
        largest[name] = max(np.abs(value).max() for value in fitted.state.values())
    for name, near in ROBUST.items():
        assert abs(found[name] - found["clean"]) < near
    if (attack, kind) == ("scaled", "cox"):
        # A linear model's coefficients run away along much the same line: the order of patients survives, their risks do not.
        assert largest["fedavg"] > 10 * largest["clean"] > 5 * largest["fedmedian"]
    else:
        assert found["fedavg"] < found["clean"] - 0.05
    reasons = [entry["reason"] for entry in exits["site-0"].entries if "multiplied" in entry["reason"]]
    assert len(reasons) == 20 and f"{poison['factor']:g}" in reasons[0]


def test_faults_are_the_same_every_time():
    first, _ = trained("cox", STRATEGIES["fedavg"][1], {"site-1": fault("late", 1, share=0.5)})
    second, _ = trained("cox", STRATEGIES["fedavg"][1], {"site-1": fault("late", 1, share=0.5)})
    np.testing.assert_array_equal(first.coefficients, second.coefficients)


def test_too_few_answers_stop_the_run_with_the_reason():
    faults = {f"site-{k}": fault("nan", 1) for k in range(4)}
    with pytest.raises(HemaPilotsError, match="too few sites answer.*not finite"):
        trained("cox", STRATEGIES["fedavg"][1], faults)


def test_what_the_gate_refuses_still_stops_the_run():
    with pytest.raises(HemaPilotsError, match="may not leave"):
        train(grid_for("cox", sites([40, 30, 30]), "enforce"), plan_for("cox", {}), NEWTON | {"baseline": "shared"})
