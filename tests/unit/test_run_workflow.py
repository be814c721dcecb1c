"""What `make pilots` calls: its checks, its tidying up after killed runs, and what it shows of Snakemake's output."""

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import run_workflow
from hemapilots.errors import HemaPilotsError
from run_small import lay_out
from workflow_processes import OWNER, end, living_workflow, orphans
from workflow_progress import Progress

ROOT = Path(__file__).resolve().parents[2]
JOB = """[Mon Nov 23 23:03:59 2026]
localrule generate:
    output: results/a/sites/site-e/extract
    log: results/a/run/logs/generate-site-e.log
    jobid: 19
    wildcards: pilot=a, site=site-e
Select jobs to execute...
[Mon Nov 23 23:04:01 2026]
Finished jobid: 19 (Rule: generate)
1 of 46 steps (2%) done
"""
ERROR = """Error in rule evaluate:
    message: None
    jobid: 39
    log: results/a/run/logs/evaluate.log (check log file(s) for error details)
"""


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(text: str, out=None) -> tuple[str, Progress]:
    progress = Progress(out or io.StringIO())
    for line in text.splitlines(keepends=True):
        progress.read(line)
    return progress.out.getvalue(), progress


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A laid-out folder as the current one, in which no Snakemake is started."""
    lay_out(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_workflow, "_run", lambda *_: 0)
    return tmp_path


def waiting(folder: Path, *words: str, owner: int | None = None) -> subprocess.Popen:
    """A process in the folder that does nothing, with these words after `python -c ...`'s own in its command line."""
    environment = os.environ | ({OWNER: str(owner)} if owner else {})
    process = subprocess.Popen(["sleep", "60"], executable="sleep", cwd=folder, env=environment) if not words else None
    if process is None:
        script = folder.joinpath(*words)
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text("import time\ntime.sleep(60)\n")
        process = subprocess.Popen([sys.executable, str(script)], cwd=folder, env=environment)
    limit = time.monotonic() + 5
    while time.monotonic() < limit and not psutil.Process(process.pid).cmdline():
        time.sleep(0.01)
    return process


def test_a_finished_job_is_one_line():
    out, progress = shown(JOB)
    assert out == "[ 1/46] generate, a, site-e (0 s)\n" and progress.total == 46


def test_on_a_terminal_one_line_lives_and_goes():
    out, progress = shown(JOB.replace("Finished jobid: 19", "Finished jobid: 3"), Terminal())
    assert "\r[1/46]" in out and "generate, a, site-e" in out and "\n" not in out
    progress.clear()
    assert progress.out.getvalue().endswith(" \r")


def test_the_sentence_of_a_failed_job_is_all_that_is_said():
    text = (
        JOB
        + "\nhemapilots: evaluate, a: no events; widen it (log: x.log)\n\nRuleException:\nCalledProcessError in file\n"
        + ERROR
    )
    out, progress = shown(text + "WorkflowError:\nAt least one job did not complete successfully.\n")
    assert progress.failures(1) == ["evaluate, a: no events; widen it (log: x.log)"]
    assert "RuleException" not in out


def test_a_killed_job_is_named():
    killed = "RuleException:\nCommand 'python x.py' died with <Signals.SIGKILL: 9>.\n" + ERROR
    assert "evaluate: killed from outside" in shown(killed)[1].failures(1)[0]
    assert "evaluate: failed before it could say why" in shown(ERROR)[1].failures(1)[0]


def test_what_stops_the_workflow_itself_is_one_sentence():
    text = 'MissingInputException in rule all in file "Snakefile", line 21:\n'
    text += "Missing input files for rule all:\n    affected files:\n        x.csv\n"
    (sentence,) = shown(text)[1].failures(1)
    assert "MissingInputException" in sentence and "x.csv" in sentence and "\n" not in sentence
    assert "signal 9" in shown(JOB)[1].failures(-9)[0]


def test_a_message_of_a_rule_is_shown():
    assert shown("Job 3: Fetching x of y: CC-BY. Please cite: Z\n")[0] == "Fetching x of y: CC-BY. Please cite: Z\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--pilots", "nosuch"], "config/pilots/nosuch.yaml: no such file"),
        (["--pilots", ""], "no pilot was named"),
        (["--cores", "many"], "CORES=many"),
        (["--cores", "0"], "CORES=0"),
        (["--real"], "`real` names no pilot"),
    ],
)
def test_a_mistake_is_one_sentence(folder, capsys, arguments, sentence):
    assert run_workflow.main(arguments) == 2
    out = capsys.readouterr()
    assert not out.out and len(out.err.splitlines()) == 1 and out.err.startswith("hemapilots: ") and sentence in out.err


def test_a_misspelt_key_is_one_sentence(folder, capsys):
    path = folder / "config" / "pilots" / "small.yaml"
    path.write_text(path.read_text().replace("protocol:", "protocoll:"))
    assert run_workflow.main([]) == 2
    assert capsys.readouterr().err == (
        "hemapilots: config/pilots/small.yaml, line 3: unknown key 'protocoll'; did you mean 'protocol'?\n"
    )


def test_a_folder_without_configuration(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run_workflow.main([]) == 2
    assert "there is no config/config.yaml" in capsys.readouterr().err


def test_a_folder_that_may_not_be_written(folder, monkeypatch, capsys):
    monkeypatch.setattr(run_workflow.os, "access", lambda path, mode: Path(path).name != "results")
    assert run_workflow.main([]) == 0
    (folder / "results").mkdir()
    assert run_workflow.main([]) == 2
    assert capsys.readouterr().err == (
        f"hemapilots: {folder}/results: no permission to write; make it writable (chmod u+w), or work in a copy that is yours\n"
    )


def test_a_living_workflow_is_left_alone(folder, capsys):
    process = waiting(folder, "snakemake")
    try:
        assert living_workflow(folder) == process.pid and living_workflow(folder.parent) is None
        assert run_workflow.main([]) == 2
        assert f"process {process.pid}" in capsys.readouterr().err
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_what_a_killed_run_left_is_ended(folder):
    gone = subprocess.Popen(["true"])
    gone.wait()
    workflow = waiting(folder, "snakemake", owner=gone.pid)
    job = waiting(folder, ".snakemake", "scripts", "tmp1.train.py")
    bystander = waiting(folder)
    try:
        assert living_workflow(folder) is None
        assert {process.pid for process in orphans(folder)} == {workflow.pid, job.pid}
        assert run_workflow.main([]) == 0
        assert [process.poll() is None for process in (workflow, job, bystander)] == [False, False, True]
    finally:
        end([psutil.Process(process.pid) for process in (workflow, job, bystander) if process.poll() is None])
        for process in (workflow, job, bystander):
            process.wait()


def test_a_private_pilot_is_not_compared():
    with pytest.raises(
        HemaPilotsError, match=r"--compare: own is private, and a comparison needs .*; leave it out of --pilots$"
    ):
        run_workflow._check_compared(["a", "own"], {"a": {"sharing": "public"}, "own": {"sharing": "private"}})
    run_workflow._check_compared(["a"], {"a": {"sharing": "public"}, "own": {"sharing": "private"}})
