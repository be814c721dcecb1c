"""A pilot small enough to read: two sites, one model, one score, invented figures. Files as the stages before the report leave them."""

import json
from pathlib import Path

import pandas as pd
import yaml

from report_sample_figures import comparisons, metrics, verdict
from report_sample_sites import (
    calibration,
    card,
    curves,
    distributions,
    importance,
    ledger,
    log_rank,
    quality,
    reclassification,
    sensitivity,
    survshap,
    worked,
    worked_risks,
)
from report_sample_study import DECISION, SITES, protocol, recipe_calibration, study, truth

__all__ = [
    "DECISION",
    "SITES",
    "curves",
    "importance",
    "metrics",
    "protocol",
    "quality",
    "reclassification",
    "sensitivity",
    "study",
    "survshap",
    "verdict",
    "write",
]


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
    return inputs_of(folder)


def inputs_of(folder: Path) -> dict[str, list[Path]]:
    """What a report reads of such a folder."""
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
