"""What a reader needs to repeat the run: protocol, hashes, seeds, versions, times."""

import platform
from importlib import metadata

import pandas as pd

from hemapilots.report.released import Released
from hemapilots.report.words import Labels
from hemapilots.texts import years

__all__ = ["protocol_rows", "seeds", "stage_times", "versions"]

GATES = {
    "enforce": "enforced: what falls short does not leave the site",
    "report": "reports: nothing is refused, what a private federation would refuse is recorded",
    "off": "off",
}
PACKAGES = ("numpy", "pandas", "scipy", "pyarrow", "flwr", "pydantic", "matplotlib", "jinja2", "snakemake")


def protocol_rows(released: Released, labels: Labels) -> list[dict]:
    """The protocol's fixed choices as name and text."""
    protocol = released.protocol["protocol"]
    times, resampling, bootstrap = protocol["times"], protocol["resampling"], protocol["bootstrap"]
    refits = f", and {bootstrap['refits']} with refitting for the primary figure" if bootstrap.get("refits") else ""
    strategies = "; ".join(
        f"{name} ({_options(_stated(options))})" for name, options in protocol["strategies"].items() if options
    )
    models = "; ".join(
        f"{name}: {_model(one)}{_not_for(released, labels, name)}" for name, one in protocol["models"].items()
    )
    primary = released.primary
    analysis = [
        labels.method(primary["model"], primary["regime"]),
        labels.metric(primary["metric"], primary["horizon"]),
        labels.endpoint(primary["endpoint"]).lower(),
    ]
    return [
        {"name": "Primary analysis", "text": "; ".join(analysis)},
        {"name": "Models", "text": models},
        {"name": "Strategies", "text": strategies},
        {
            "name": "Resampling",
            "text": _resampling(resampling),
        },
        {"name": "Times", "text": f"grid of {years(times['step'])} up to {years(times['tau'])}"},
        {"name": "Penalties tried", "text": ", ".join(f"{value:g}" for value in protocol["penalties"])},
        {"name": "Ties", "text": protocol["ties"]},
        {
            "name": "Bootstrap",
            "text": f"{bootstrap['samples']} resamples{refits}, seed {bootstrap['seed']}, {100 * bootstrap['level']:g} % intervals",
        },
        {"name": "Gate", "text": GATES[released.protocol["gate"]]},
    ]


def _resampling(resampling: dict) -> str:
    folds = f"{resampling['replicates']} × {resampling['folds']}-fold, seed {resampling['seed']}"
    year = resampling.get("judge_from")
    return f"index years from {year} on are judged; {folds} among the earlier ones" if year else folds


def _not_for(released: Released, labels: Labels, name: str) -> str:
    """The endpoints with late entry for which a model was not trained, or that it was trained for none."""
    trained = {endpoint for endpoint, model, _ in released.cards if model == name}
    if not trained:
        return ", not trained, because no endpoint has a competing event"
    late = [end for end in released.study["evaluate"].get("entry", ()) if end not in trained]
    return (
        f", not for {', '.join(map(labels.endpoint, late))}, whose patients come under observation late" if late else ""
    )


# What a model's description says in words of its own.
_MODEL_WORDS = ("kind", "predictors", "supported_only", "strategies")


def _stated(options: dict) -> dict:
    """Options that are set."""
    return {key: value for key, value in options.items() if value is not None}


def _model(model: dict) -> str:
    fixed = {key: value for key, value in _stated(model).items() if key not in _MODEL_WORDS}
    text = f"{model['kind'].replace('_', ' ')} on predictor set “{model['predictors']}”"
    text += ", supported columns only" if model["supported_only"] else ""
    return f"{text} ({_options(fixed)})" if fixed else text


def _options(options: dict) -> str:
    return ", ".join(
        f"{key.replace('_', ' ')} {value:g}" if isinstance(value, float | int) else f"{key.replace('_', ' ')} {value}"
        for key, value in options.items()
    )


def seeds(released: Released) -> list[dict]:
    """Every seed of the run by what it rules."""
    protocol = released.protocol["protocol"]
    rows = [
        {"name": "folds", "seed": protocol["resampling"]["seed"]},
        {"name": "bootstrap", "seed": protocol["bootstrap"]["seed"]},
        {"name": "explanation", "seed": protocol["explanation"]["seed"]},
    ]
    if (released.protocol["split"] or {}).get("seed") is not None:
        rows.append({"name": "split into sites", "seed": released.protocol["split"]["seed"]})
    drawn = sorted({one["seed"] for one in (released.protocol["generate"] or {}).values()})
    return rows + [{"name": "synthetic cohort", "seed": seed} for seed in drawn]


def stage_times(released: Released) -> list[dict]:
    """Per stage: jobs, summed wall time in seconds, largest memory in MiB; in the order of time spent."""
    table = released.benchmarks
    if table.empty:
        return []
    stage = table["job"].str.split("-").str[0]
    found = (
        table.assign(stage=stage)
        .groupby("stage")
        .agg(jobs=("s", "size"), seconds=("s", "sum"), memory=("max_rss", "max"))
    )
    found = found.sort_values("seconds", ascending=False).reset_index()
    return [
        row | {"seconds": f"{row['seconds']:.1f}", "memory": "" if pd.isna(row["memory"]) else f"{row['memory']:.0f}"}
        for row in found.to_dict("records")
    ]


def versions() -> list[dict]:
    """Python and the packages that figures depend on."""
    rows = [{"name": "Python", "version": platform.python_version()}]
    for name in PACKAGES:
        try:
            rows.append({"name": name, "version": metadata.version(name)})
        except metadata.PackageNotFoundError:
            continue
    return rows
