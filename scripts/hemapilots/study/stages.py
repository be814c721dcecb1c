"""What each stage after harmonization receives."""

from hemapilots.columns import column_specs
from hemapilots.config.protocol import Protocol
from hemapilots.cross_checks.combinations import PERSONAL
from hemapilots.expressions import parse
from hemapilots.study.design import design_columns
from hemapilots.study.evaluation import late_endpoints, scale_grid

__all__ = ["agree_spec", "explain_spec", "export_spec", "predict_spec", "prepare_spec", "report_spec", "train_spec"]

# Times of an explanation's curve besides the horizons.
MOST_TIMES = 8
# What the report shows of a study.
_SHOWN = (
    "pilot",
    "title",
    "note",
    "sharing",
    "gate",
    "allow",
    "sites",
    "split",
    "public",
    "harmonize",
    "evaluate",
    "in_sample",
    "dates",
    "varies",
)


def prepare_spec(use_case: dict, models: dict, protocol: Protocol, gate: str) -> dict:
    """Folds, design and support inside a site."""
    return {
        "endpoints": list(use_case["endpoints"]),
        "primary_endpoint": use_case["primary_endpoint"],
        "resampling": _resampling(use_case, protocol),
        "columns": design_columns(use_case, models),
        "gate": gate,
    }


def _resampling(use_case: dict, protocol: Protocol) -> dict:
    """How folds are dealt; `folds` counts the later patients of a split in time, who are told by `index_year`."""
    dealt = protocol.resampling.model_dump() | {"folds": protocol.resampling.parts}
    return dealt | ({"index_year": use_case["index_year"]} if dealt["judge_from"] else {})


def agree_spec(use_case: dict, models: dict, gate: str, leave_out: str | None) -> dict:
    """The agreement on columns. leave_out: a site that takes no part in training."""
    used = ("predictors", "supported_only", "required", "endpoints")
    models = {name: {key: model[key] for key in used} for name, model in models.items()}
    spec = {"models": models, "gate": gate, "endpoints": list(use_case["endpoints"])}
    return spec | ({"leave_out": leave_out} if leave_out else {})


def train_spec(use_case: dict, models: dict, strategies: dict, protocol: Protocol, grid: list, gate: str) -> dict:
    """Training, whatever the regime; what sites make of a model for themselves comes with their predictions."""

    def federations(names):
        return [name for name in names if name != PERSONAL]

    return {
        "models": {name: model | {"strategies": federations(model["strategies"])} for name, model in models.items()},
        "strategies": {name: strategies[name] for name in federations(strategies)},
        "endpoints": list(use_case["endpoints"]),
        "replicates": protocol.resampling.replicates,
        "folds": protocol.resampling.parts,
        "penalties": sorted(protocol.penalties),
        "ties": protocol.ties,
        "grid": grid,
        "scale_grid": scale_grid(protocol.times),
        "entry": late_endpoints(use_case),
        "gate": gate,
    }


def predict_spec(use_case: dict, grid: list, sharing: str, recalibrated: dict, finetuned: dict) -> dict:
    """Out-of-fold predictions inside a site. recalibrated, finetuned: see `recalibrations` and `personal_steps`."""
    endpoints = use_case["endpoints"]
    return {
        "horizons": {name: endpoint["horizons"] for name, endpoint in endpoints.items()},
        "entry": late_endpoints(use_case),
        "competing": [name for name, endpoint in endpoints.items() if endpoint["competing"]],
        "sharing": sharing,
        "comparators": use_case["comparators"],
        "endpoints": list(use_case["endpoints"]),
        "grid": grid,
        "recalibrated": recalibrated,
        "finetuned": finetuned,
    }


def explain_spec(protocol: Protocol, evaluate: dict, predict: dict, columns: list[dict], gate: str) -> dict:
    """What drives the primary model, at a site. columns: of the design; times: per endpoint its horizons and some of the grid."""
    primary, grid = evaluate["primary"], evaluate["grid"]
    coarse = grid[::-1][:: -(-len(grid) // MOST_TIMES)]
    return {
        **{name: predict[name] for name in ("grid", "horizons", "entry", "competing")},
        **{name: primary[name] for name in ("model", "regime", "metric")},
        **{name: evaluate[name] for name in ("tau", "minimum_cell", "rounding")},
        **protocol.explanation.model_dump(),
        "level": protocol.bootstrap.level,
        "times": {name: sorted({*coarse, *horizons}) for name, horizons in evaluate["horizons"].items()},
        "variables": {column["column"]: column["variable"] for column in columns},
        "gate": gate,
    }


def export_spec(pilot: dict, use_case: dict, evaluate: dict, columns: list[dict]) -> dict:
    """The primary model for new patients, and the invented one of the report. pilot: its name and title."""
    inputs = {name: _input(spec) for name, spec in column_specs(use_case).items()}
    ends = use_case["endpoints"]
    return {
        **pilot,
        **{name: evaluate["primary"][name] for name in ("model", "regime")},
        **{name: evaluate[name] for name in ("horizons", "competing")},
        **{name: use_case[name] for name in ("index_date", "abstention", "example", "decisions", "subgroups")},
        "use_case": use_case["name"],
        "labels": {name: end["label"] for name, end in ends.items()},
        "entries": {name: end["entry"] for name, end in ends.items()},
        "columns": columns,
        "inputs": inputs,
    }


def _input(spec: dict) -> dict:
    """A variable as new patients bring it, or how it is derived."""
    found = {name: spec.get(name) for name in ("label", "type", "unit", "hard", "soft")}
    found["levels"] = list(spec.get("levels") or [])
    if spec.get("expression"):
        found |= {"expression": spec["expression"], "reads": list(parse(spec["expression"]).names)}
    return found


def report_spec(study: dict, citation: str | None, checklists: list[dict]) -> dict:
    """The report: parts of the study, the citation of a public cohort, and the items of the reporting checklists."""
    return {name: study[name] for name in _SHOWN} | {"citation": citation, "checklists": checklists}
