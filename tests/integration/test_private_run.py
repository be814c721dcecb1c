"""A private pilot from extract to verdict: the gate is enforced, nothing is pooled, and no identifier passes ingestion."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from hemapilots.config.habits import Habits
from hemapilots.federation.message_types import MESSAGE_TYPES
from private_pilot import PILOT, ROOT, SITES, make_private_pilot


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = make_private_pilot(tmp_path_factory.mktemp("private"))
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(folder), "-c2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "results" / PILOT


def content_of(path) -> bytes:
    """A file's bytes; tables as text, since Parquet is compressed."""
    return pd.read_parquet(path).to_csv().encode() if path.suffix == ".parquet" else path.read_bytes()


def ledger(results, site):
    return pd.read_parquet(results / "exchange" / f"{site}.parquet")


def test_metrics_are_within_site_figures(results):
    metrics = pd.read_csv(results / "metrics.csv")
    assert set(metrics["evaluated_on"]) == {"all", *SITES}
    assert not set(metrics["regime"]) & {"pooled", *(f"local/{site}" for site in SITES)}
    counts = pd.concat(pd.read_parquet(results / "site_metrics" / site / "counts.parquet") for site in SITES)
    key = {"endpoint": "os", "model": "cox-clinical", "regime": "federated/newton", "metric": "harrell_c"}
    rows = counts[(counts["kind"] == "metric") & (counts[list(key)] == pd.Series(key)).all(axis=1)]
    everywhere = metrics[(metrics[list(key)] == pd.Series(key)).all(axis=1) & (metrics["evaluated_on"] == "all")]
    expected = (rows["estimate"] * rows["weight"]).sum() / rows["weight"].sum()
    assert everywhere["estimate"].item() == pytest.approx(expected, rel=1e-9)
    assert set(pd.read_csv(results / "comparisons.csv")["estimand"]) == {"within-site"}


def test_nothing_left_that_the_gate_refuses(results):
    for site in SITES:
        table = ledger(results, site)
        assert set(table["decision"]) == {"released"}
        assert set(table["message_type"]) <= set(MESSAGE_TYPES)
        assert not {"local_model", "baselines", "risk_sums", "death_counts"} & set(table["message_type"])
        assert {
            "quality",
            "support",
            "moments",
            "newton_statistics",
            "likelihoods",
            "site_metrics",
            "site_counts",
            "curves",
            "histograms",
        } <= set(table["message_type"])


def test_columns_without_support_were_dropped_for_all_sites_and_named(results):
    agreed = json.loads((results / "columns.json").read_text())
    dropped = {
        row["column"] for row in agreed["left_out"] if row["endpoint"] == "os" and row["model"] == "cox-molecular"
    }
    card = json.loads(
        next((results / "models/federated-cox-molecular/os/cox-molecular/federated").glob("newton.json")).read_text()
    )
    assert dropped and not dropped & set(card["columns"])
    supports = [json.loads((results / "support" / f"{site}.json").read_text())["os"]["columns"] for site in SITES]
    assert all(support.get(column, True) for support in supports for column in card["columns"])


def test_local_models_stay_at_their_site(results):
    assert sorted(path.name for path in (results / "models").iterdir() if path.name.startswith("local")) == []
    for site in SITES:
        assert list((results / "sites" / site / "models").rglob("*.npz"))


def test_identifiers_never_pass_ingestion(results):
    for site in SITES:
        extract = next((results.parents[1] / "extracts" / site).glob("*.csv")).read_bytes()
        assert all(decoy.encode() in extract for decoy in Habits().decoys)
        ingested = pd.read_parquet(results / "sites" / site / "ingested.parquet")
        assert not set(Habits().decoys) & set(ingested.columns)
    encoding = "latin-1"
    header, first, *_ = (
        next((results.parents[1] / "extracts" / "clinic-a").glob("*.csv")).read_text(encoding).splitlines()
    )
    values = dict(zip(header.split(","), first.split(","), strict=True))
    secrets = [values[decoy].encode() for decoy in Habits().decoys]
    assert all(len(secret) >= 4 for secret in secrets)
    for path in results.rglob("*"):
        if path.is_file():
            content = content_of(path)
            assert not any(secret in content for secret in secrets), path


def test_no_patient_id_or_row_table_outside_the_sites_folders(results):
    identifiers = pd.read_parquet(results / "sites/clinic-a/ingested.parquet")["patient_id"].head(20)
    for path in results.rglob("*"):
        if path.is_file() and "sites" not in path.relative_to(results).parts:
            content = content_of(path)
            assert not any(str(identifier).encode() in content for identifier in identifiers), path
            if path.suffix == ".parquet":
                assert "row" not in pd.read_parquet(path).columns, path
