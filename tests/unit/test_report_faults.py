"""The report's section on a faulty site: its rounds from the ledger, what became of each federation, and nothing where nobody is faulty."""

import re
from types import SimpleNamespace

import pandas as pd
import pytest

import report_sample
from hemapilots.report.exchange import refusals
from hemapilots.report.faults_section import fault_rows, margin_of
from hemapilots.report.page_templates import render
from hemapilots.report.words import Labels

NAN = float("nan")
WEAK = "columns kras: fewer than 5 carriers, non-carriers or observed values"


def contest():
    """Two federations, of which one fell, and the pooled model; the difference of each to it."""
    rows = [
        ("federated/fedavg", None, 0.53, 0.49, 0.56),
        ("federated/fedavg", "pooled", -0.14, -0.18, -0.10),
        ("federated/fedmedian", None, 0.67, 0.64, 0.70),
        ("federated/fedmedian", "pooled", 0.0, -0.008, 0.009),
        ("federated/krum", None, 0.65, 0.62, 0.68),
        ("federated/krum", "pooled", -0.02, -0.04, 0.0),
        ("federated/newton+recalibrated", None, 0.67, 0.64, 0.70),
        ("pooled", None, 0.67, 0.64, 0.70),
        ("local/own", None, 0.6, 0.5, 0.7),
    ]
    names = ["regime", "reference_regime", "estimate", "lower", "upper"]
    table = pd.DataFrame(rows, columns=names)
    return table.assign(
        model="cox-all", metric="uno_c", reference_model=["cox-all" if row[1] else None for row in rows]
    )


def ledger(reason, rounds=(19, 20)):
    stages = [f"federated/{name} cox-all os" for name in ("fedavg", "fedmedian")]
    told = [(stage, number, reason) for stage in stages for number in rounds]
    told += [(stages[0], 18, WEAK), ("federated/fedavg cox-all lfs", 5, reason)]
    rows = pd.DataFrame(told, columns=["stage", "round", "reason"])
    return pd.concat([rows.assign(site="south"), rows[rows["round"] == 18].assign(site="north")]).assign(
        decision="would refuse", message_type="descent"
    )


def released(**changes):
    fault = {"south": {"kind": "poison", "factor": 100.0, "round": 19, "share": 1.0}}
    study = report_sample.study(varies={"base": "toy", "title": "worse", "faults": fault})
    primary = {"endpoint": "os", "model": "cox-all", "regime": "federated/fedmedian", "metric": "uno_c", "horizon": 2.0}
    slope = {"estimate": 1.1, "lower": 0.9, "upper": 1.3, "n": 100, "events": 50, "horizon": 2.0}
    record = {
        "study": study,
        "primary": primary,
        "protocol": {"protocol": report_sample.protocol()["protocol"]},
        "contest": contest(),
        "ledger": ledger(f"{WEAK}; scenario: the update is multiplied by 100"),
        "figures": {("os", "cox-all", "federated/fedmedian", "calibration_slope", "all"): [slope]},
        "card": lambda endpoint, model, regime: {"rounds": 20},
    }
    return SimpleNamespace(**record | changes)


def rows_of(made):
    return {row["label"]: row for row in fault_rows(made, Labels(made.study))}


def test_each_federation_tells_its_rounds_its_figure_and_whether_it_held():
    made = released()
    assert margin_of(made) == 0.01
    rows = rows_of(made)
    assert [row["struck"] for row in rows.values()] == ["south, 2 rounds (19 to 20) of 20"] * 2 + ["none"]
    assert [row["word"] for row in rows.values()] == ["fails", "holds", "not decided"]
    first, second, _ = rows.values()
    assert first["figure"] == "0.530 (0.490 to 0.560)" and first["difference"] == "−0.140 (−0.180 to −0.100)"
    assert second["slope"] == "1.10" and first["slope"] == "not estimable"


def test_the_section_says_it_in_words():
    made = released()
    labels = Labels(made.study)
    page = render(
        "sections/faults.html",
        faults=fault_rows(made, labels),
        fault_margin=margin_of(made),
        absences=[],
        scenario=["South lies."],
        labels=labels,
        primary=made.primary,
    )
    text = " ".join(re.sub("<[^>]+>", " ", page).split())
    assert "South lies. The same models trained in one place see all patients and no message" in text
    assert "Federated (fedavg) fails 0.530 (0.490 to 0.560) −0.140 (−0.180 to −0.100)" in text
    assert "south, 2 rounds (19 to 20) of 20" in text


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("drop", "the site has dropped out"),
        ("late", "its answer came after the round was closed and was discarded"),
        ("nan", "coefficients is not finite; lower the learning rate or raise the penalty"),
    ],
)
def test_every_kind_of_fault_is_found_in_the_ledger(kind, reason):
    study = report_sample.study(varies={"faults": {"south": {"kind": kind}}})
    rows = rows_of(released(study=study, ledger=ledger(reason, rounds=(3,))))
    assert [row["struck"] for row in rows.values()] == ["south, round 3 of 20"] * 2 + ["none"]


def test_without_the_same_model_pooled_a_federation_has_its_figure_alone():
    table = contest().query("regime != 'pooled' and reference_regime != 'pooled'")
    first, *_ = fault_rows(released(contest=table), Labels(report_sample.study()))
    assert first["figure"] == "0.530 (0.490 to 0.560)"
    assert first["difference"] == "not estimable" and first["word"] == ""


def test_without_a_faulty_site_there_is_nothing_to_tell():
    assert fault_rows(released(contest=None), Labels(report_sample.study())) == []


def test_what_a_fault_did_is_no_reason_of_the_gate():
    ours = ledger(f"{WEAK}; scenario: the update is multiplied by 100").query("stage.str.endswith('os')")
    rows = refusals(released(ledger=ours), Labels(report_sample.study()))
    assert rows and all(len(row["columns"]) == 1 and "multiplied" not in str(row) for row in rows)


def test_where_the_gate_objects_to_nothing_there_is_no_row():
    ours = ledger("").assign(decision="released")
    assert refusals(released(ledger=ours), Labels(report_sample.study())) == []
