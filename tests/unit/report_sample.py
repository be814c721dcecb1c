"""A pilot small enough to read: two sites, one model, one score, invented figures. Files as the stages before the report leave them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from hemapilots.evaluation.calibration_curves import CALIBRATION_COLUMNS
from hemapilots.evaluation.curves import CURVE_COLUMNS
from hemapilots.evaluation.distributions import DISTRIBUTION_COLUMNS
from hemapilots.evaluation.frames import COUNT_COLUMNS
from hemapilots.evaluation.log_rank import LOG_RANK_COLUMNS
from hemapilots.evaluation.reclassification import RECLASSIFICATION_COLUMNS
from hemapilots.explain.site import IMPORTANCE_COLUMNS, SURVSHAP_COLUMNS
from hemapilots.explain.worked import WORKED_COLUMNS
from hemapilots.paths import RESOURCES
from hemapilots.study.checklists import load_checklists

SITES = ["north", "south"]
NAN = float("nan")
DECISION = {
    "name": "act",
    "label": "Act",
    "endpoint": "os",
    "horizon": 2.0,
    "thresholds": [0.2, 0.3],
    "act": "above",
    "reason": "it helps",
}


def study(**changes) -> dict:
    """A resolved configuration with what a report reads; a label and the title hold marks that must be escaped."""
    variables = {
        "age": {"label": "Age", "type": "number", "unit": "a", "levels": []},
        "plt": {"label": "Platelets", "type": "number", "unit": "10*9/L", "levels": []},
        "sex": {"label": "Sex", "type": "category", "unit": None, "levels": ["F", "M"]},
        "kras": {"label": "<i>KRAS</i>", "type": "flag", "unit": None, "levels": []},
    }
    harmonize = {
        "index_date": "date of the first visit",
        "name": "toy",
        "variables": variables,
        "derived": {
            "plt_capped": {
                "label": "Platelets to 250",
                "type": "number",
                "unit": "10*9/L",
                "expression": "min(plt, 250)",
            }
        },
        "endpoints": {"os": {"label": "Overall survival"}},
        "comparators": {"index": {"label": "Index", "bar": True}},
        "computed": {"index_category": {"label": "Index, category", "type": "category", "levels": ["low", "high"]}},
    }
    evaluate = {"endpoints": ["os"], "horizons": {"os": [2.0]}, "tau": 2.0, "grid": [0.5, 1.0, 1.5, 2.0]}
    evaluate |= {
        "decisions": [DECISION],
        "subgroups": ["sex"],
        "categories": {"index": "index_category"},
        "competing": {},
        "entry": [],
        "scenario": "base",
        "bootstrap": {"samples": 100, "seed": 3, "level": 0.95},
        "sensitivity": {
            "covariates": [{"column": "age", "variable": "age", "type": "number"}],
            "treatments": {"graft": {"label": "Graft <b>", "time": "graft_time", "done": "graft"}},
        },
    }
    record = {
        "pilot": "toy",
        "title": "Toy <script>alert(1)</script>",
        "sharing": "synthetic",
        "gate": "report",
        "allow": [],
        "sites": SITES,
    }
    record |= {
        "split": None,
        "public": None,
        "harmonize": harmonize,
        "evaluate": evaluate,
        "note": "Invented <b>patients</b>.",
        "in_sample": {},
        "checklists": load_checklists(RESOURCES),
        "varies": None,
        "dates": {"variable": "index_year", "undated": ["north-files"]},
        "citation": None,
    }
    return record | changes


def protocol() -> dict:
    """A frozen protocol."""
    model = {"kind": "cox", "predictors": "all", "supported_only": False}
    fixed = {
        "title": "Does it help?",
        "resampling": {"replicates": 1, "folds": 2, "seed": 5},
        "times": {"step": 0.5, "tau": 2.0},
        "penalties": [1.0, 10.0],
        "ties": "efron",
        "models": {"cox-all": model, "cox-safe": model | {"supported_only": True}},
        "strategies": {"newton": {"baseline": "site", "tolerance": 1e-10}},
        "primary": {"model": "cox-all", "regime": "federated/newton", "metric": "uno_c"},
        "bootstrap": {"samples": 100, "seed": 3, "level": 0.95},
        "explanation": {"repeats": 3, "samples": 100, "patients": 50, "background": 10, "seed": 7},
        "criteria": [
            {
                "name": "non-inferior to pooling",
                "test": "non_inferior",
                "against": "pooled",
                "margin": 0.01,
                "minimum_events": 20,
            }
        ],
    }
    record = {
        "pilot": "toy",
        "protocol": fixed,
        "sharing": "synthetic",
        "gate": "report",
        "allow": [],
        "sites": SITES,
        "split": None,
    }
    return record | {
        "generate": {"north": {"seed": 9}},
        "public": None,
        "inputs": {"pilots/toy.yaml": "ab" * 32},
        "sha256": "cd" * 32,
    }


def metrics() -> pd.DataFrame:
    """Every metric for all patients and each site."""
    methods = [
        ("cox-all", regime) for regime in ("federated/newton", "pooled", "local/own", "local/north", "local/south")
    ]
    methods += [("cox-safe", "federated/newton"), ("score", "score/index")]
    kinds = [("uno_c", 2.0), ("harrell_c", NAN), ("auc", 2.0), ("brier", 2.0), ("ibs", NAN)]
    rows = []
    for at, (model, regime) in enumerate(methods):
        for where in ("all", *SITES):
            for metric, horizon in kinds:
                value = 0.7 - 0.01 * at
                names = {
                    "scenario": "base",
                    "endpoint": "os",
                    "model": model,
                    "regime": regime,
                    "evaluated_on": where,
                    "subgroup": "all",
                }
                figures = {"estimate": value, "lower": value - 0.05, "upper": value + 0.05, "n": 60.0, "events": 30.0}
                rows.append(names | {"metric": metric, "horizon": horizon, "threshold": NAN} | figures)
    return pd.DataFrame([*rows, *benefits(), *parts(), *alone()])


def alone() -> list[dict]:
    """C of the primary model without pooling and as random effects, its stability, net benefit at an edge of risk."""
    head = {"scenario": "base", "endpoint": "os", "model": "cox-all", "regime": "federated/newton"}
    head |= {"evaluated_on": "all", "subgroup": "all", "horizon": 2.0, "n": 120.0, "events": 60.0}
    figures = {"estimate": 0.69, "lower": 0.64, "upper": 0.74}
    rows = [head | figures | {"metric": f"uno_c_{form}", "threshold": NAN} for form in ("within_site", "histogram")]
    benefit = {"metric": "net_benefit_histogram", "decision": "act", "threshold": 0.3, "estimate": 0.2475}
    ahead = head | figures | {"metric": "uno_c_prediction", "threshold": NAN, "lower": 0.55, "upper": 0.81}
    average = [head | figures | {"metric": f"uno_c_{form}", "threshold": NAN} for form in ("random_effects", "tau")]
    moved = [head | figures | {"metric": "mape", "threshold": NAN, "estimate": 0.0321, "lower": 0.03, "upper": 0.035}]
    moved += [moved[0] | {"metric": "flip_share", "decision": "act", "threshold": 0.2, "estimate": 0.114}]
    return [*rows, head | figures | benefit, *average, ahead, *moved]


def benefits() -> list[dict]:
    """Net benefit of the primary model, of the score with a probability, and of treating everybody and nobody, at two thresholds."""
    head = {
        "scenario": "base",
        "endpoint": "os",
        "evaluated_on": "all",
        "subgroup": "all",
        "horizon": 2.0,
        "decision": "act",
    }
    values = {
        ("cox-all", "federated/newton"): (0.3, 0.25),
        ("score", "score/index"): (0.28, 0.26),
        ("treat", "treat/all"): (0.2, 0.1),
        ("treat", "treat/none"): (0.0, 0.0),
    }
    rows = []
    for (model, regime), pair in values.items():
        for threshold, value in zip((0.2, 0.3), pair, strict=True):
            figures = {"estimate": value, "lower": value - 0.05, "upper": value + 0.05, "n": 120.0, "events": 60.0}
            names = head | {"model": model, "regime": regime, "threshold": threshold}
            rows += [names | {"metric": "net_benefit"} | figures]
            rows += [names | {"metric": "standardised_net_benefit"} | figures | {"estimate": value / 0.5}]
    return rows


def parts() -> list[dict]:
    """Women do worse and are flagged twice; of men there are too few."""
    head = {
        "scenario": "base",
        "endpoint": "os",
        "model": "cox-all",
        "regime": "federated/newton",
        "evaluated_on": "all",
    }
    size = {"n": 90.0, "events": 45.0}
    return [
        head
        | {"subgroup": "sex=F", "metric": "uno_c", "horizon": 2.0, "estimate": 0.6, "lower": 0.5, "upper": 0.7}
        | size,
        head
        | {"subgroup": "sex=F", "metric": "uno_c_gap", "horizon": 2.0, "estimate": -0.1, "lower": -0.2, "upper": -0.01}
        | size,
        head
        | {"subgroup": "sex=F", "metric": "oe", "horizon": 2.0, "estimate": 1.5, "lower": 1.2, "upper": 1.8}
        | size,
        head
        | {"subgroup": "sex=F", "metric": "brier", "horizon": 2.0, "estimate": 0.2, "lower": 0.1, "upper": 0.3}
        | size,
        head | {"subgroup": "sex=M", "metric": "uno_c", "horizon": 2.0, "estimate": NAN, "n": 30.0, "events": 15.0},
    ]


def comparisons() -> pd.DataFrame:
    """The primary model against every reference, on all patients, by both estimands."""
    references = [
        ("cox-all", "pooled", -0.001),
        ("cox-all", "local/own", 0.02),
        ("score", "score/index", -0.03),
        ("cox-safe", "federated/newton", 0.015),
    ]
    rows = []
    for model, regime, difference in references:
        for estimand in ("within-site", "pooled"):
            names = {
                "scenario": "base",
                "endpoint": "os",
                "metric": "uno_c",
                "horizon": 2.0,
                "model": "cox-all",
                "regime": "federated/newton",
            }
            names |= {"reference_model": model, "reference_regime": regime, "evaluated_on": "all", "estimand": estimand}
            shift = 0.001 if estimand == "within-site" else 0.0
            rows.append(
                names
                | {
                    "difference": difference + shift,
                    "lower": difference - 0.005,
                    "upper": difference + 0.005,
                    "p": "0.04",
                    "n": 120.0,
                    "events": 60.0,
                }
            )
    return pd.DataFrame([*rows, *benefit_differences()])


def benefit_differences() -> list[dict]:
    """Better than everybody at both thresholds together, than the score at neither."""
    head = {
        "scenario": "base",
        "endpoint": "os",
        "metric": "net_benefit",
        "horizon": 2.0,
        "decision": "act",
        "model": "cox-all",
    }
    head |= {
        "regime": "federated/newton",
        "evaluated_on": "all",
        "estimand": "pooled",
        "p": "0.04",
        "n": 120.0,
        "events": 60.0,
    }
    rows = []
    for reference, pair in {("treat", "treat/all"): (0.1, 0.15), ("score", "score/index"): (0.02, -0.01)}.items():
        for threshold, value in zip((0.2, 0.3), pair, strict=True):
            limits = {"difference": value, "lower": value - 0.03, "upper": value + 0.03}
            limits |= {"band_lower": value - 0.05, "band_upper": value + 0.05, "threshold": threshold}
            rows.append(head | {"reference_model": reference[0], "reference_regime": reference[1]} | limits)
    return rows


def verdict(outcome: str = "met") -> dict:
    """One criterion."""
    primary = {"endpoint": "os", "model": "cox-all", "regime": "federated/newton", "metric": "uno_c", "horizon": 2.0}
    criterion = {
        "name": "non-inferior to pooling",
        "test": "non_inferior",
        "against": {"model": "cox-all", "regime": "pooled"},
    }
    criterion |= {
        "estimate": -0.001,
        "lower": -0.006,
        "upper": 0.004,
        "p": "0.04",
        "n": 120,
        "events": 60,
        "margin": 0.01,
        "outcome": outcome,
        "sequence": "confirmatory",
    }
    estimate = {"estimate": 0.7, "lower": 0.65, "upper": 0.75}
    return {
        "scenario": "base",
        "primary": primary,
        "level": 0.95,
        "primary_estimate": estimate,
        "criteria": [criterion],
        "outcome": outcome,
    }


def quality(records: int = 60) -> dict:
    """What one site says of its data; one count is hidden."""
    step = {
        "step": "delivered",
        "label": "Records delivered",
        "records_in": records,
        "records_out": records,
        "lost": 0,
        "unknown": 0,
        "reason": None,
    }
    endpoint = {
        "label": "Overall survival",
        "patients": records,
        "events": 30,
        "competing": 0,
        "censored": records - 30,
        "unknown": 0,
        "zero_time": 0,
        "lines": [
            _line("Patients", None, records + 12, 0, 33, 0),
            _line("Time missing", "missing", records + 12, 12, 33, None),
        ],
    }
    variable = {
        "label": "Age",
        "type": "number",
        "unit": "a",
        "n": None,
        "absent": None,
        "percent_missing": None,
        "missing": None,
        "plain": 50,
    }
    variable |= {"nulled": {"parse_error": 0}, "flagged": {"range_soft": 7}, "suppressed": True, "doubts": []}
    numbers = {"mean": 70.1, "sd": 9.5, "median": 71.0, "lower_quartile": 64.0, "upper_quartile": 77.0}
    one = {
        "age": {
            "label": "Age",
            "type": "number",
            "unit": "a",
            "n": None,
            "absent": None,
            **numbers,
            "suppressed": True,
        },
        "kras": {
            "label": "<i>KRAS</i>",
            "type": "flag",
            "unit": None,
            "n": records,
            "absent": 0,
            "levels": {"1": None, "0": None},
            "suppressed": True,
        },
    }
    return {
        "minimum_cell": 5,
        "records": records,
        "flow": [step],
        "endpoints": {"os": endpoint},
        "variables": {"age": variable},
        "table_one": one,
        "scores": {},
        "checks": checks(),
    }


def _line(label: str, reason: str | None, into: int, lost: int, events: int, gone: int | None) -> dict:
    line = {"step": "endpoint", "label": label, "reason": reason, "patients_in": into, "patients_out": into - lost}
    line |= {"patients_lost": lost, "events_in": None if gone is None else events, "events_lost": gone}
    return line | {"events_out": 30 if gone is None else events - gone}


def checks() -> list[dict]:
    """One check of each outcome."""
    what = {"category": "plausibility", "subcategory": "atemporal", "context": "verification", "variable": "age"}
    what |= {"label": "Age <b>", "description": "values lie inside what is possible", "note": None}
    failed = what | {
        "id": "possible.age",
        "n_checked": 60,
        "n_failed": 7,
        "percent": 11.7,
        "threshold": 1,
        "pass": False,
    }
    nothing = {"n_checked": None, "n_failed": None, "percent": None, "threshold": 1}
    passed = what | nothing | {"id": "possible.plt", "label": "Platelets", "pass": True, "note": "fewer than 5 failed"}
    open_ = what | nothing | {"id": "share.validation", "label": None, "variable": None, "context": "validation"}
    return [failed, passed, open_ | {"pass": None, "threshold": None, "note": "not assessed: no expectation is given"}]


def card(regime: str) -> dict:
    """A model's card: age per SD 0.4 where an SD is 10 years, so 0.04 per year."""
    age = {
        "column": "age",
        "coefficient": 0.4,
        "se": 0.1,
        "lower": 0.2,
        "upper": 0.6,
        "hazard_ratio_per_unit": float(np.exp(0.04)),
        "reason": None,
    }
    capped = {
        "column": "plt_capped",
        "coefficient": -0.3,
        "se": 0.1,
        "lower": -0.5,
        "upper": -0.1,
        "hazard_ratio_per_unit": float(np.exp(-0.003)),
        "reason": None,
    }
    sex = {
        "column": "sex_M",
        "coefficient": 0.1,
        "se": 0.1,
        "lower": -0.1,
        "upper": 0.3,
        "hazard_ratio_per_unit": float(np.exp(0.2)),
        "reason": None,
    }
    kras = {
        "column": "kras",
        "coefficient": 0.0,
        "se": None,
        "lower": None,
        "upper": None,
        "hazard_ratio_per_unit": None,
        "reason": "constant column: dropped",
    }
    rows = [sex, age, kras, capped]
    record = {
        "endpoint": "os",
        "model": "cox-all",
        "kind": "cox",
        "regime": regime,
        "columns": [row["column"] for row in rows],
        "patients": 120,
        "events": 60,
    }
    return record | {
        "rounds": 6,
        "fits": 7,
        "unconverged_fits": 0,
        "penalty": 10.0,
        "penalties_chosen_in_folds": [10.0, 1.0, 10.0],
        "coefficients": rows,
    }


def ledger() -> pd.DataFrame:
    """A released message and one that a private federation would refuse."""
    first = {
        "when": "2026-01-01T00:00:00+00:00",
        "stage": "harmonize",
        "round": 0,
        "message_type": "quality",
        "fields": "quality",
        "values": 10,
        "bytes": 80,
    }
    first |= {"decision": "released", "reason": "", "privacy_spent": NAN}
    reason = "columns kras, sex_M: fewer than 5 carriers or non-carriers"
    second = first | {
        "stage": "federated/newton cox-all os",
        "message_type": "moments",
        "values": 960,
        "bytes": 7680,
        "decision": "would refuse",
        "reason": reason,
    }
    return pd.DataFrame([first, second])


def curves() -> pd.DataFrame:
    """North released every cell, south merged its last three."""
    north = [(0, 0.5, 60, 10, 5), (0.5, 1.0, 45, 8, 5), (1.0, 1.5, 32, 6, 0), (1.5, 2.0, 26, 6, 5)]
    south = [(0, 0.5, 60, 9, 0), (0.5, 2.0, 51, 21, 6)]
    rows = [(site, "os", *row) for site, cells in (("north", north), ("south", south)) for row in cells]
    found = pd.DataFrame(rows, columns=["site", "endpoint", "start", "end", "at_risk", "events", "censored"])
    return found.assign(entered=0, competing=0, years=np.nan)[CURVE_COLUMNS]


def calibration(where: str) -> pd.DataFrame:
    """A smoothed curve of three points, a group and a bar, for the primary model."""
    head = {"evaluated_on": where, "endpoint": "os", "model": "cox-all", "regime": "federated/newton", "horizon": 2.0}
    curve = [
        {"kind": "curve", "predicted": at, "observed": at + 0.1, "lower": at, "upper": at + 0.2}
        for at in (0.2, 0.4, 0.6)
    ]
    group = {"kind": "group", "predicted": 0.4, "observed": 0.5, "lower": 0.4, "upper": 0.6, "n": 60.0}
    rows = [*curve, group, {"kind": "histogram", "predicted": 0.425, "n": 60.0}]
    return pd.DataFrame([head | row for row in rows], columns=CALIBRATION_COLUMNS)


def reclassification(where: str) -> pd.DataFrame:
    """Two categories of the score; of the worse one everybody is above the range."""
    head = {"evaluated_on": where, "endpoint": "os", "decision": "act", "score": "index"}
    cells = [("low", "below", 30, 0.1), ("low", "within", 20, NAN), ("low", "above", 10, 0.4)]
    cells += [("high", "below", 0, NAN), ("high", "within", 0, NAN), ("high", "above", 25, 0.6)]
    rows = [head | dict(zip(("category", "place", "n", "observed"), cell, strict=True)) for cell in cells]
    return pd.DataFrame(rows, columns=RECLASSIFICATION_COLUMNS)


def distributions(site: str) -> pd.DataFrame:
    """Ages of sixty patients, a third in each decade."""
    rows = [(site, "age", 60.0, 70.0, 20), (site, "age", 70.0, 80.0, 20), (site, "age", 80.0, 90.0, 20)]
    return pd.DataFrame(rows, columns=DISTRIBUTION_COLUMNS)


def log_rank(site: str) -> pd.DataFrame:
    """Of one stratum: women die a little less often than expected, and the sites differ as much."""
    rows = [("F", "F", -3.0, 8.0), ("F", "M", NAN, -8.0), ("M", "F", NAN, -8.0), ("M", "M", 3.0, 8.0)]
    return pd.DataFrame([(site, "os", "sex", *row) for row in rows], columns=LOG_RANK_COLUMNS)


def sensitivity(where: str) -> pd.DataFrame:
    """C falls by two hundredths where censoring goes by covariates; a dozen of each site's patients were treated. North counts double."""
    head = {"site": where, "endpoint": "os", "model": "cox-all", "regime": "federated/newton", "metric": "uno_c"}
    head |= {"horizon": 2.0, "subgroup": "all", "weight": 200.0 if where == "north" else 100.0, "se": 0.02}
    shift = {"north": 0.03, "south": -0.03}.get(where, 0.0)
    rows = []
    for analysis, value in (("primary", 0.7), ("covariates", 0.68), ("competing graft", 0.71), ("censored graft", NAN)):
        counts = {"changed": 12.0, "undated": 5.0} if analysis.endswith("graft") else {}
        found = [("metric", value + shift, {}), ("change", value - 0.7, {})][: 1 if analysis == "primary" else 2]
        found.append(("difference", value - 0.71, {"reference_model": "cox-all", "reference_regime": "pooled"}))
        for kind, estimate, names in found:
            limits = {"estimate": estimate, "lower": estimate - 0.04, "upper": estimate + 0.04, "n": 60.0}
            rows.append(head | {"analysis": analysis, "kind": kind, "events": 30.0} | counts | names | limits)
    return pd.DataFrame(rows, columns=["analysis", "changed", "undated", *COUNT_COLUMNS])


def importance(site: str) -> pd.DataFrame:
    """Age is worth something; the gene is told by north only."""
    head = {"site": site, "endpoint": "os", "metric": "uno_c", "weight": 100.0, "n": 60.0}
    losses = [("age", 0.05, 0.01), ("sex", 0.0, 0.01)] + ([("kras", 0.02, 0.02)] if site == "north" else [])
    rows = [
        {"variable": name, "estimate": loss, "lower": loss - 1.96 * se, "upper": loss + 1.96 * se, "se": se}
        for name, loss, se in losses
    ]
    return pd.DataFrame([head | row for row in rows], columns=IMPORTANCE_COLUMNS)


def survshap(site: str) -> pd.DataFrame:
    """Age moves survival by six points at the horizon, downwards, the gene of north by two, and sex both ways."""
    head = {"site": site, "endpoint": "os", "n": 50.0, "se": 0.005}
    moved = [("age", 0.06, 0.6, -0.9), ("sex", 0.02, 0.2, NAN)]
    moved += [("kras", 0.02, 0.2, 0.95)] if site == "north" else []
    rows = [
        {"variable": name, "time": time, "size": size * time / 2, "share": share, "direction": direction}
        for name, size, share, direction in moved
        for time in (1.0, 2.0)
    ]
    return pd.DataFrame([head | row for row in rows], columns=SURVSHAP_COLUMNS)


def worked() -> list[dict]:
    """The invented patient: three inputs add up, and the model would abstain without age."""
    parts = [("age", 0.5), ("kras", 0.2), ("sex", -0.1)]
    rules = {"required": ["age"], "missing": 0.3, "deviations": 5.0, "width": 0.4, "margin": 0.1, "flagged": True}
    return [
        {
            "endpoint": "os",
            "horizons": [2.0],
            "given": {"age": 74.0, "kras": 1.0, "sex": "M", "plt": None},
            "scale": "log hazard",
            "contributions": [{"variable": name, "value": value} for name, value in parts],
            "sum": 0.6,
            "missing": ["plt"],
            "reasons": [],
            "rules": rules,
            "decisions": [DECISION | {"among": {"sex": ["F"]}, "margin": 0.1}],
            "intervals": True,
            "without": {"variable": "age", "reasons": ["required input missing: Age"]},
        }
    ]


def worked_risks(site: str) -> pd.DataFrame:
    """South has too few patients."""
    rows = [(site, "os", 2.0, 0.384, 0.31, 0.46, 0.35, 0.42, NAN)] if site == "north" else []
    return pd.DataFrame(rows, columns=WORKED_COLUMNS)


def truth() -> dict:
    """The law of the invented patients."""
    endpoint = {
        "status": "exact",
        "coefficients": {"age10": 0.5, "plt100": -0.4, "male": 0.3},
        "limit": None,
        "concordance": {"all": 0.73, "before": {"2": 0.75}},
    }
    covariates = {"age10": "(age - 70) / 10", "plt100": "min(plt, 250) / 100", "male": 'sex == "M"'}
    return {
        "model": "Weibull",
        "covariates": covariates,
        "sample": {"patients": 1000, "seed": 1},
        "endpoints": {"os": endpoint},
    }


def recipe_calibration() -> pd.DataFrame:
    """One figure that is met and one that is missed and only shown."""
    rows = [
        ("Age: median", "study", "check", 70.0, 70.4, 3.5, True),
        ("Stage: III", "paper", "published", 0.2, 0.31, 0.04, False),
    ]
    return pd.DataFrame(rows, columns=["target", "source", "kind", "expected", "found", "tolerance", "met"])


def write(folder: Path) -> dict[str, list[Path]]:
    """Write a pilot's released files; returns the inputs of its report."""
    records = {
        "columns.json": {
            "columns": {"os": {"cox-all": [1, 2, 3, 4], "cox-safe": [1]}},
            "leakage": [],
            "leakage_assessed": {
                "os": {"north": {"age": True, "sex_M": False}, "south": {"age": False, "sex_M": False}}
            },
        },
        "verdict.json": verdict(),
        "truth.json": truth(),
        "worked_patient.json": worked(),
    }
    records |= {f"quality/{site}.json": quality() for site in SITES}
    records |= {
        "models/a/os/cox-all/federated/newton.json": card("federated/newton"),
        "models/b/os/cox-all/pooled.json": card("pooled"),
    }
    for name, record in records.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(record))
    (folder / "protocol.yaml").write_text(yaml.safe_dump(protocol()))
    metrics().to_csv(folder / "metrics.csv", index=False)
    comparisons().to_csv(folder / "comparisons.csv", index=False)
    recipe_calibration().to_csv(folder / "calibration.csv", index=False)
    for site in SITES:
        (folder / "site_metrics" / site).mkdir(parents=True)
        curves().query("site == @site").to_csv(folder / "site_metrics" / site / "curves.csv", index=False)
        reclassification(site).to_csv(folder / "site_metrics" / site / "reclassification.csv", index=False)
        distributions(site).to_csv(folder / "site_metrics" / site / "distributions.csv", index=False)
        log_rank(site).to_csv(folder / "site_metrics" / site / "log_rank.csv", index=False)
        sensitivity(site).to_csv(folder / "site_metrics" / site / "sensitivity.csv", index=False)
        importance(site).to_csv(folder / "site_metrics" / site / "importance.csv", index=False)
        worked_risks(site).to_csv(folder / "site_metrics" / site / "worked_patient.csv", index=False)
        survshap(site).to_csv(folder / "site_metrics" / site / "survshap.csv", index=False)
        calibration(site).to_csv(folder / "site_metrics" / site / "calibration.csv", index=False)
        size = {"site": site, "kind": "endpoint", "endpoint": "os", "n": 60.0, "events": 30.0}
        pd.DataFrame([size]).to_parquet(folder / "site_metrics" / site / "counts.parquet")
        (folder / "exchange").mkdir(exist_ok=True)
        ledger().to_parquet(folder / "exchange" / f"{site}.parquet")
    (folder / "pooled_metrics").mkdir()
    sensitivity("all").to_csv(folder / "pooled_metrics" / "sensitivity.csv", index=False)
    names = {
        "protocol": "protocol.yaml",
        "columns": "columns.json",
        "metrics": "metrics.csv",
        "comparisons": "comparisons.csv",
    }
    names |= {
        "worked": "worked_patient.json",
        "verdict": "verdict.json",
        "truth": "truth.json",
        "recipe_calibration": "calibration.csv",
    }
    inputs = {name: [folder / path] for name, path in names.items()}
    patterns = {
        "quality": "quality/*.json",
        "counts": "site_metrics/*/counts.parquet",
        "curves": "site_metrics/*/curves.csv",
        "calibration": "site_metrics/*/calibration.csv",
        "reclassification": "site_metrics/*/reclassification.csv",
        "log_rank": "site_metrics/*/log_rank.csv",
        "sensitivity": "site_metrics/*/sensitivity.csv",
        "pooled_sensitivity": "pooled_metrics/sensitivity.csv",
        "distributions": "site_metrics/*/distributions.csv",
        "importance": "site_metrics/*/importance.csv",
        "survshap": "site_metrics/*/survshap.csv",
        "worked_risks": "site_metrics/*/worked_patient.csv",
    }
    patterns |= {"models": "models/*", "ledgers": "exchange/*.parquet"}
    return inputs | {name: sorted(folder.glob(pattern)) for name, pattern in patterns.items()}
