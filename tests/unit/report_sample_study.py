"""An invented pilot as its report reads it: the study, its protocol, and the truth behind its patients."""

import pandas as pd

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
