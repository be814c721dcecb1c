"""Who may read a site's folder, walked on the job graph of a synthetic, a public and a private pilot."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field

import pytest
import yaml

from hemapilots.study import load_study
from private_pilot import PILOT, ROOT, make_private_pilot

SITE_RULES = {
    "generate_extract",
    "ingest",
    "harmonize",
    "describe_quality",
    "prepare",
    "train_local",
    "train_local_private",
    "predict",
    "evaluate_site",
    "explain_site",
    "describe_recurrent",
    "merge_ledger",
}
HOST_RULES = {"train_federated"}
POOLED_RULES = {
    "ingest_source",
    "harmonize_source",
    "describe_source",
    "split",
    "train_pooled",
    "evaluate_pooled",
    "refit_primary",
    "leave_sites_out",
    "describe_recurrent_pooled",
    "contest",
    "vary",
}
PRIVATE_FOLDER = re.compile(r"results/[^/]+/(?:sites/(?P<site>[^/]+)|(?P<source>source))(?:/|$)")


@dataclass
class Job:
    rule: str
    wildcards: dict = field(default_factory=dict)
    inputs: list = field(default_factory=list)


def violations(jobs: list[Job], sharing: str, extracts: dict[str, str] | None = None) -> list[str]:
    """Every private file that a job takes and may not. extracts: site -> its folder, which `ingest` of that site alone may read."""
    found = []
    for job in jobs:
        for path in job.inputs:
            owners = [
                site for site, folder in (extracts or {}).items() if f"{path}/".startswith(f"{folder.rstrip('/')}/")
            ]
            if owners and not (job.rule == "ingest" and job.wildcards.get("site") in owners):
                found.append(f"{job.rule} {job.wildcards}: takes {path} of the extract of {owners[0]}")
        if sharing == "private" and job.rule in POOLED_RULES:
            found.append(f"{job.rule}: a pooled rule in a private pilot")
        for path in job.inputs:
            match = PRIVATE_FOLDER.match(path)
            if not match:
                continue
            own = job.rule in SITE_RULES and match["site"] == job.wildcards.get("site")
            if not (own or job.rule in HOST_RULES or (job.rule in POOLED_RULES and sharing != "private")):
                found.append(f"{job.rule} {job.wildcards}: takes {path}")
    return found


def job_graph(folder, pilot: str, root=ROOT, target: str = "all") -> list[Job]:
    """Every job that the pilot's report and ledgers, or another target, need, from a dry run."""
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "-s",
        str(root / "Snakefile"),
        "--directory",
        str(folder),
        "-n",
        "--forceall",
        target,
    ]
    done = subprocess.run([*command, "--config", f"run={pilot}"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    jobs = []
    for line in (done.stdout + done.stderr).splitlines():
        if match := re.match(r"(?:local)?rule (\w+):", line):
            jobs.append(Job(match[1]))
        elif match := re.match(r"    input: (.*)", line):
            jobs[-1].inputs = match[1].split(", ")
        elif match := re.match(r"    wildcards: (.*)", line):
            jobs[-1].wildcards = dict(part.split("=", 1) for part in match[1].split(", "))
    return jobs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_private_pilot(tmp_path_factory.mktemp("graph"))


@pytest.mark.parametrize(
    ("pilot", "sharing"),
    [("mds-synthetic", "synthetic"), ("scd-synthetic", "synthetic"), ("mds-ipssm", "public"), (PILOT, "private")],
)
def test_private_folders_are_read_by_their_own_site_only(folder, pilot, sharing):
    jobs = job_graph(folder, pilot)
    assert {"evaluate_site", "train_federated", "combine", "render_report", "merge_ledger"} <= {
        job.rule for job in jobs
    }
    assert any(PRIVATE_FOLDER.match(path) for job in jobs for path in job.inputs)
    extracts = load_study(pilot, folder / "config", ROOT / "resources")["extracts"] if sharing == "private" else {}
    assert bool(extracts) == (sharing == "private")
    assert violations(jobs, sharing, extracts) == []


def test_rules_name_files_as_inputs_only():
    """A path that is given to a job as a parameter would escape the walk; folders of extracts are checked by their inputs."""
    for path in sorted((ROOT / "workflow" / "rules").glob("*.smk")):
        for block in re.findall(r"^    params:\n((?:        .*\n)+)", path.read_text(), re.MULTILINE):
            assert "results/" not in block and "sites/" not in block, path.name


def test_the_walk_finds_a_foreign_extract():
    extracts = {"a": "extracts/a", "b": "extracts/b"}
    assert violations([Job("ingest", {"site": "b"}, ["extracts/a/patients.csv"])], "private", extracts)
    assert violations([Job("combine", {"pilot": "p"}, ["extracts/a/patients.csv"])], "private", extracts)
    assert not violations([Job("ingest", {"site": "a"}, ["extracts/a/patients.csv"])], "private", extracts)


def test_pooled_rules_and_split_are_absent_from_a_private_pilot(folder):
    assert not {job.rule for job in job_graph(folder, PILOT)} & POOLED_RULES


def test_the_walk_finds_each_kind_of_violation():
    taken = "results/p/sites/a/harmonized.parquet"
    assert violations([Job("combine", {"pilot": "p"}, [taken])], "public")
    assert violations([Job("render_report", {"pilot": "p"}, ["results/p/sites/a/predictions"])], "public")
    assert violations([Job("predict", {"pilot": "p", "site": "b"}, [taken])], "public")
    assert violations([Job("train_pooled", {"pilot": "p", "model": "m"}, [taken])], "private")
    assert violations([Job("combine", {"pilot": "p"}, ["results/p/source/harmonized.parquet"])], "public")
    assert not violations([Job("predict", {"pilot": "p", "site": "a"}, [taken])], "private")
    assert not violations([Job("train_federated", {"pilot": "p", "model": "m"}, [taken])], "private")
    assert not violations([Job("train_pooled", {"pilot": "p", "model": "m"}, [taken])], "public")


def test_variants_and_comparisons_read_rows_by_their_own_rules_only(folder):
    """A variant of a pilot with recurrent events can be run; these stay with the pilot."""
    path = folder / "config" / "pilots" / "scd-synthetic.yaml"
    pilot = yaml.safe_load(path.read_text())
    pilot["scenarios"] = {"fewer": {"title": "One site takes no part", "leave_out": "site-a"}}
    (path.parent / "varied.yaml").write_text(yaml.safe_dump(pilot))
    jobs = job_graph(folder, "varied+fewer")
    assert "vary" in {job.rule for job in jobs} and "describe_recurrent" not in {job.rule for job in jobs}
    assert violations(jobs, "synthetic") == []
    jobs = job_graph(folder, "mds-ipssm", target="compare")
    assert "contest" in {job.rule for job in jobs} and violations(jobs, "public") == []


def test_every_rule_with_private_input_is_classified(folder):
    """A new rule that reads private folders must be put into one of the groups above, deliberately."""
    pilots = ("mds-synthetic", "scd-synthetic", "mds-ipssm", PILOT)
    jobs = [job for pilot in pilots for job in job_graph(folder, pilot)]
    reading = {job.rule for job in jobs if any(PRIVATE_FOLDER.match(path) for path in job.inputs)}
    assert reading <= SITE_RULES | HOST_RULES | POOLED_RULES


def test_an_inserted_leak_is_caught(folder, tmp_path):
    """A central rule that is made to read a site's rows fails the walk."""
    copy = tmp_path / "checkout"
    for part in ("Snakefile", "workflow", "scripts", "resources", "envs"):
        source = ROOT / part
        shutil.copytree(source, copy / part) if source.is_dir() else (
            copy.mkdir(exist_ok=True),
            shutil.copy(source, copy / part),
        )
    rules = copy / "workflow/rules/combine.smk"
    text = rules.read_text()
    rules.write_text(
        text.replace(
            "        pooled=pooled_metrics,\n",
            '        pooled=pooled_metrics,\n        rows=of_sites("results/{pilot}/sites/{site}/harmonized.parquet"),\n',
        )
    )
    assert rules.read_text() != text
    found = violations(job_graph(folder, PILOT, copy), "private")
    assert found and all(violation.startswith("combine") for violation in found)
