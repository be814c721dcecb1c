"""What the sites of an invented pilot released: quality, models, ledger, and tables of their own."""

import numpy as np
import pandas as pd

from hemapilots.evaluation.calibration_curves import CALIBRATION_COLUMNS
from hemapilots.evaluation.curves import CURVE_COLUMNS
from hemapilots.evaluation.distributions import DISTRIBUTION_COLUMNS
from hemapilots.evaluation.frames import COUNT_COLUMNS
from hemapilots.evaluation.log_rank import LOG_RANK_COLUMNS
from hemapilots.evaluation.reclassification import RECLASSIFICATION_COLUMNS
from hemapilots.explain.site import IMPORTANCE_COLUMNS, SURVSHAP_COLUMNS
from hemapilots.explain.worked import WORKED_COLUMNS
from report_sample_study import DECISION, NAN


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
