"""A variant of a pilot in which a site sends updates without numbers: it ends in a report that says so, and the ledger agrees."""

import json
import re
import shutil

import pandas as pd
import pytest

from run_small import snakemake

VARIANT = "small+not-finite"


@pytest.fixture(scope="module")
def results(small_run, tmp_path_factory):
    """The variant, run on from a copy of the pilot whose records it begins with."""
    folder = tmp_path_factory.mktemp("faulty") / "run"
    shutil.copytree(small_run.parent, folder)
    done = snakemake(folder, "--config", f"run={VARIANT}")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "results" / VARIANT


def test_the_ledger_tells_which_updates_were_of_no_use(results):
    ledgers = {site: pd.read_parquet(results / "exchange" / f"{site}.parquet") for site in ("site-a", "site-c")}
    refused = {site: ledger[ledger["decision"] == "refused"] for site, ledger in ledgers.items()}
    assert refused["site-a"].empty
    assert set(refused["site-c"]["stage"]) == {f"federated/{name} cox-clinical os" for name in ("newton", "fedavg")}
    assert refused["site-c"]["reason"].str.contains("not finite").all() and (refused["site-c"]["round"] >= 3).all()
    assert not any(ledger["stage"].str.contains("finetune").any() for ledger in ledgers.values())


def test_the_models_are_of_those_who_answered_and_say_so(results):
    folder = results / "models" / "federated-cox-clinical" / "os" / "cox-clinical" / "federated"
    cards = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    assert set(cards) == {"newton", "fedavg"}
    for card in cards.values():
        assert {one["site"] for one in card["absences"]} == {"site-c"}


def test_everybody_is_judged_and_the_report_says_what_happened(results):
    metrics = pd.read_csv(results / "metrics.csv")
    found = metrics[metrics["metric"].eq("uno_c") & metrics["model"].eq("cox-clinical") & metrics["subgroup"].eq("all")]
    regimes = {"federated/newton", "federated/fedavg", "federated/finetune", "local/own", "pooled"}
    for where in ("all", "site-c"):
        rows = found[found["evaluated_on"] == where].set_index("regime")["estimate"]
        assert regimes <= set(rows.index) and rows[sorted(regimes)].notna().all()
    report = (results / "report.html").read_text()
    assert "site-c sends updates that are not finite from round 3 on" in report
    assert 'id="faults"' in report and re.search(r"site-c, \d+ rounds \(3 to \d+\) of", report)
    assert "Federated (finetune, each site’s own last step)" in report
