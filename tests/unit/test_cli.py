"""The hemapilots command: what it prints and how it exits."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from hemapilots.cli import main
from hemapilots.difference import differences, same

ROOT = Path(__file__).resolve().parents[2]
METRICS = """scenario,endpoint,metric,horizon,estimate,lower,upper,n,events
base,os,uno_c,5,0.7123456789,0.68,0.74,100,40
base,os,brier,2,0.2,,,100,40
"""
VERDICT = {"outcome": "met", "criteria": [{"name": "a", "estimate": 0.01, "p": "0.5"}]}


@pytest.fixture
def folders(tmp_path):
    """Two results folders that say the same."""
    for name in "ab":
        folder = tmp_path / name
        folder.mkdir()
        (folder / "metrics.csv").write_text(METRICS)
        (folder / "verdict.json").write_text(json.dumps(VERDICT))
    return tmp_path / "a", tmp_path / "b"


def said(capsys) -> tuple[str, str]:
    out = capsys.readouterr()
    return out.out, out.err


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A folder with a copy of config/, as the current one."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "config"


def test_validate_names_every_pilot(config, capsys):
    assert main(["validate"]) == 0
    out, err = said(capsys)
    assert len(out.splitlines()) == len(list((config / "pilots").glob("*.yaml"))) and not err
    assert all(": valid (" in line for line in out.splitlines())


def test_validate_gives_a_sentence_and_goes_on(config, capsys):
    pilots = sorted((config / "pilots").glob("*.yaml"))
    text = pilots[0].read_text()
    pilots[0].write_text(text.replace("use_case:", "use_caze:"))
    assert main(["validate"]) == 2
    out, err = said(capsys)
    assert len(out.splitlines()) == len(pilots) - 1
    assert (
        "unknown key 'use_caze'; did you mean 'use_case'?" in err
        and str(pilots[0].name) in err
        and "Traceback" not in err
    )


def test_validate_unknown_pilot_and_empty_folder(config, capsys, tmp_path):
    assert main(["validate", "nosuch"]) == 2
    assert "no such file" in said(capsys)[1]
    assert main(["--folder", str(tmp_path / "config"), "validate"]) == 2
    assert "no pilot" in said(capsys)[1]


def test_diff_same(folders, capsys):
    assert main(["diff", *map(str, folders)]) == 0
    assert said(capsys)[0] == "the same within 1e-06\n"


@pytest.mark.parametrize(("change", "code"), [(5e-7, 0), (5e-6, 1)])
def test_diff_tolerance(folders, capsys, change, code):
    path = folders[1] / "metrics.csv"
    path.write_text(METRICS.replace("0.7123456789", f"{0.7123456789 + change:.10f}"))
    assert main(["diff", *map(str, folders)]) == code
    if code:
        assert "metrics.csv: base os uno_c 5: estimate 0.7123456789 against 0.7123506789" in said(capsys)[0]
    assert main(["diff", *map(str, folders), "--tolerance", "1e-3"]) == 0


def test_diff_rows_files_and_verdict(folders):
    first, second = folders
    (second / "metrics.csv").write_text(METRICS.replace("brier", "ibs"))
    assert [line.split(": only")[0] for line in differences(first, second)] == [
        "metrics.csv: base os brier 2",
        "metrics.csv: base os ibs 2",
    ]
    (second / "metrics.csv").unlink()
    assert differences(first, second) == [f"metrics.csv: only in {first}"]
    (first / "metrics.csv").unlink()
    (second / "verdict.json").write_text(json.dumps(VERDICT | {"outcome": "not met"}))
    assert differences(first, second) == ["verdict.json: outcome: met against not met"]


def test_diff_missing_value_is_not_a_number(folders):
    (folders[1] / "metrics.csv").write_text(METRICS.replace("0.2,,,", "0.2,0,,"))
    assert len(differences(*folders)) == 1


def test_diff_of_a_folder_without_results(tmp_path, folders, capsys):
    assert main(["diff", str(folders[0]), str(tmp_path)]) == 2
    assert "none of metrics.csv" in said(capsys)[1]


def test_same_is_relative_above_one_and_absolute_below():
    assert same("1000000", "1000000.5", 1e-6) and not same("1000000", "1000002", 1e-6)
    assert same("1e-9", "2e-9", 1e-6) and not same("nan", "0", 1e-6) and same("nan", "nan", 1e-6)


def test_ledger_counts_messages(tmp_path, capsys):
    exchange = tmp_path / "results" / "own" / "exchange"
    exchange.mkdir(parents=True)
    entry = {"stage": "train", "message_type": "statistics", "decision": "released", "values": 10, "bytes": 80}
    table = pd.DataFrame([entry, entry, entry | {"message_type": "baselines", "values": 1, "bytes": 8}])
    table.to_parquet(exchange / "site-a.parquet")
    assert main(["--folder", str(tmp_path), "ledger", "own"]) == 0
    out, _ = said(capsys)
    assert out.splitlines()[0] == "site-a: 3 messages, 21 values, 0.2 KiB"
    assert [line.split()[-3:] for line in out.splitlines()[2:]] == [["2", "20", "160"], ["1", "1", "8"]]
    assert main(["--folder", str(tmp_path), "ledger", "own", "site-b"]) == 2
    assert "did you mean 'site-a'?" in said(capsys)[1]
    assert main(["--folder", str(tmp_path), "ledger", "nosuch"]) == 2
    assert "there is no ledger" in said(capsys)[1]


def test_summary_without_results(tmp_path, capsys):
    assert main(["--folder", str(tmp_path), "summary"]) == 2
    assert "no verdict there yet" in said(capsys)[1]
