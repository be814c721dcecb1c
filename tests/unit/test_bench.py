"""The benchmarks at tiny sizes: results agree with the peers, tables and page are written, disagreement is refused. No time is judged."""

import csv
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))

import concordance
import cox_lifelines
import cox_many_sites
import evaluation
import federations
import harmonization
import network_steps
import round_messages
import run
import training
import workflow_overhead
from table import Disagreement, Row, agree, best_of, headings


def test_cox_agrees_with_lifelines_for_each_kind_of_times():
    rows = cox_lifelines.run(True, patients=600, columns=4)
    assert len(rows) == 3 and all(row.agreement for row in rows)
    assert [bool(row.goal) for row in rows] == [True, False, False]
    assert all(row.ratio == pytest.approx(row.peer_seconds / row.ours_seconds) for row in rows)


def test_harmonization_gives_what_was_written():
    rows = harmonization.run(True, {"csv": 400, "omop": 4000, "fhir": 400})
    assert len(rows) == 3 and all(row.agreement and row.goal and "peak memory" in row.note for row in rows)


def test_a_wrong_federation_is_refused(monkeypatch):
    right = federations.federate

    def wrong(sites):
        fitted = right(sites)
        fitted.state = {"coefficients": fitted.coefficients + 1e-6}
        return fitted

    monkeypatch.setattr(cox_lifelines, "federate", wrong)
    with pytest.raises(Disagreement, match="results differ"):
        cox_lifelines.compare("daily", 600, 4, 1)


def test_many_sites_report_seconds_and_memory_of_their_own_process():
    (row,) = cox_many_sites.run(True, sites=4, patients=60, columns=3)
    assert row.ours_seconds > 0 and "GiB" in row.note
    assert row.met == ""


def test_messages_do_not_change_the_coefficients():
    (row,) = round_messages.run(True, patients=60, columns=5, repeats=2)
    assert row.agreement.startswith("0.0e+00") or float(row.agreement.split()[0]) <= 1e-12
    assert row.peer_seconds is None


def test_networks_trained_together_are_those_of_a_plain_loop():
    (row,) = network_steps.run(True, patients=80, columns=4)
    assert float(row.agreement.split()[0]) < 1e-9 and row.ratio == row.peer_seconds / row.ours_seconds


def test_every_training_job_of_the_standard_protocol_is_run(tmp_path):
    models = training.lay_out(tmp_path, 100, 3)
    found = training.in_own_process(str(tmp_path), "pooled", models[0])
    assert found["seconds"] > 0 and list((tmp_path / f"pooled-{models[0]}").rglob("pooled.npz"))


def test_concordance_agrees_with_both_peers():
    rows = concordance.run(True, patients=2000, quadratic=500)
    assert [row.peer.split()[0] for row in rows] == ["lifelines", "scikit-survival", "scikit-survival"]
    assert rows[2].target.startswith("Uno C") and "peak memory" in rows[2].note
    assert "EXTRAPOLATED" in rows[1].note
    assert rows[1].peer_seconds == pytest.approx(rows[1].ratio * rows[1].ours_seconds)


def test_the_whole_evaluation_is_timed_beside_a_peer():
    (row,) = evaluation.run(True, patients=300, samples=50)
    assert "35 regimes, 50 resamples" in row.target and row.agreement and not row.met
    assert row.ours_seconds > 0 and "EXTRAPOLATED" in row.note


def test_overhead_is_wall_time_without_work():
    row = workflow_overhead.row_of("p", 10.0, [(6.0, 1.0), (9.0, 2.0)], cores=2, quick=False)
    assert row.ours_seconds == 10.0 - 12.0 / 2 and row.met == "no"
    assert workflow_overhead.row_of("p", 10.0, [(17.0, 1.0)], cores=2, quick=False).met == "yes"


def test_jobs_are_benchmarks_less_the_start_of_their_script(tmp_path):
    folder = tmp_path / "p/run/benchmarks"
    folder.mkdir(parents=True)
    for stem in ("evaluate-site-a", "harmonize"):
        (folder / f"{stem}.tsv").write_text("s\th:m:s\n2.5\t0:00:02\n")
    jobs = workflow_overhead.jobs_of(tmp_path, workflow_overhead.ROOT)
    assert [seconds for seconds, _ in jobs] == [2.5, 2.5]
    assert all(0.05 < start < 30 for _, start in jobs)
    assert workflow_overhead.script_of("train_local-site-a") == "train_local"


def test_the_small_pilot_keeps_its_configuration_valid(tmp_path):
    from hemapilots.study import load_studies

    pilot = workflow_overhead.prepare(workflow_overhead.ROOT, tmp_path, quick=True)
    settings = yaml.safe_load((tmp_path / "config/config.yaml").read_text())
    studies = load_studies(settings | {"run": pilot}, tmp_path / "config", workflow_overhead.ROOT / "resources")
    assert list(studies) == [pilot]


def test_tables_and_page_are_written_and_a_failure_is_named(tmp_path, monkeypatch, capsys):
    row = Row("<a> target", 0.12345, "peer", 1.0, 8.1, "5 x", "yes", "1e-9", "note")
    modules = {
        "good": SimpleNamespace(TITLE="Good", run=lambda quick: [row]),
        "bad": SimpleNamespace(TITLE="Bad", run=lambda quick: agree("bad", 1.0, 1e-8)),
    }
    monkeypatch.setattr(run, "import_module", modules.__getitem__)
    monkeypatch.setattr(run, "BENCHMARKS", ("good", "bad"))
    (tmp_path / "bad.csv").write_text("old")
    assert run.measure(["good"], True, tmp_path) == 0
    assert run.measure(["bad", "good"], True, tmp_path) == 1
    assert "bad: results differ by 1" in capsys.readouterr().err
    assert not (tmp_path / "bad.csv").exists()
    with (tmp_path / "good.csv").open(newline="") as file:
        header, line = csv.reader(file)
    assert header == headings()
    assert line == ["<a> target", "0.123", "peer", "1", "8.1", "5 x", "yes", "1e-9", "note"]
    page = (tmp_path / "index.html").read_text()
    assert "&lt;a&gt; target" in page and "http" not in page


def test_not_a_number_is_a_disagreement():
    with pytest.raises(Disagreement):
        agree("x", float(np.nan), 1e-8)


def test_best_of_keeps_the_shortest():
    seconds, result = best_of(3, lambda: "done")
    assert result == "done" and seconds >= 0


def test_every_benchmark_file_of_the_workflow_has_its_script():
    """What the rules write under run/benchmarks/ is told from the name of the file."""
    root = Path(__file__).resolve().parents[2]
    texts = [path.read_text(encoding="utf-8") for path in (root / "workflow/rules").glob("*.smk")]
    stems = {line.rsplit("/", 1)[1].split(".tsv")[0] for text in texts for line in text.splitlines() if ".tsv" in line}
    assert len(stems) > 15
    for stem in stems:
        assert (root / "scripts" / f"{workflow_overhead.script_of(stem)}.py").exists(), stem
