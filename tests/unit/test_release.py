"""The one exit: gate, wire check and ledger."""

import numpy as np
import pandas as pd
import pytest
from flwr.app import Message

from hemapilots.federation.client import client_app, support_of
from hemapilots.federation.grid import LocalGrid
from hemapilots.federation.messages import instruct
from hemapilots.federation.release import Exit, Refusal, Support, merge_ledgers, write_ledger
from hemapilots.federation.server import send
from hemapilots.models.data import TrainingData
from hemapilots.models.training_sets import training_sets

STATISTICS = {"loglik": np.zeros(1), "gradient": np.zeros((1, 2)), "information": np.zeros((1, 3))}
STRONG, WEAK = Support(50, 20, {"gene": 9}), Support(50, 20, {"gene": 4, "sex": 8})


def test_enforced_gate_refuses_with_rule_and_field_and_writes_it_down():
    exit_ = Exit("a", "train", "enforce", WEAK)
    with pytest.raises(Refusal, match="site a: newton_statistics may not leave: columns gene: fewer than 5 carriers"):
        exit_.release("newton_statistics", STATISTICS)
    assert [entry["decision"] for entry in exit_.entries] == ["refused"]
    assert exit_.entries[0]["values"] == 0 and exit_.entries[0]["bytes"] == 0


@pytest.mark.parametrize(("support", "word"), [(Support(4, 3), "patients"), (Support(40, 4), "events")])
def test_few_patients_or_events_are_refused(support, word):
    with pytest.raises(Refusal, match=f"{word}: fewer than 5"):
        Exit("a", "train", "enforce", support).release("moments", {"patients": np.ones(1)})


def test_support_passes_and_is_counted():
    exit_ = Exit("a", "train", "enforce", STRONG)
    exit_.release("newton_statistics", STATISTICS, 3)
    entry = exit_.entries[0]
    assert (entry["decision"], entry["round"], entry["values"], entry["bytes"]) == ("released", 3, 6, 48)


def test_report_gate_lets_pass_and_says_what_it_would_refuse():
    exit_ = Exit("a", "train", "report", WEAK)
    exit_.release("newton_statistics", STATISTICS)
    assert exit_.entries[0]["decision"] == "would refuse" and "gene" in exit_.entries[0]["reason"]
    exit_.release("risk_sums", {"s0": np.zeros(3)})
    assert exit_.entries[1]["reason"] == "exact: values of single patients"


def test_exact_messages_are_refused_where_enforced_whatever_the_support():
    for kind, field in (("risk_sums", "s0"), ("death_counts", "times")):
        with pytest.raises(Refusal, match="values of single patients"):
            Exit("a", "train", "enforce", STRONG).release(kind, {field: np.zeros(3)})


@pytest.mark.parametrize("gate", ["enforce", "report", "off"])
def test_undeclared_fields_and_values_that_are_not_finite_never_leave(gate):
    with pytest.raises(Refusal, match="may not carry rows"):
        Exit("a", "train", gate, STRONG).release("newton_statistics", STATISTICS | {"rows": np.zeros(4)})
    with pytest.raises(Refusal, match="loglik is not finite"):
        Exit("a", "train", gate, STRONG).release("newton_statistics", STATISTICS | {"loglik": np.array([np.nan])})


def test_unknown_message_type_cannot_leave():
    with pytest.raises(KeyError):
        Exit("a", "train", "report").release("patients", {"rows": np.zeros(3)})


def site_data(n=40, carriers=3):
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=n), np.arange(n) < carriers]).astype(float)
    folds = np.arange(n)[np.newaxis] % 2
    return TrainingData(x, np.zeros(n), rng.exponential(size=n), np.ones(n), folds, np.array([False, True]))


def test_every_reply_of_a_client_passes_the_exit():
    data = site_data()
    sets = training_sets(1, 2, False)
    exits = {gate: Exit("a", "train", gate, support_of(data, sets, ["x", "gene"])) for gate in ("enforce", "report")}
    grids = {gate: LocalGrid({"a": client_app("cox", site_data(), exit_)}) for gate, exit_ in exits.items()}
    refused = send(grids["enforce"], {"sets": sets}, {"task": "moments"})[0]
    assert refused.has_error() and "gene" in refused.error.reason
    passed = send(grids["report"], {"sets": sets}, {"task": "moments"})[0]
    assert not passed.has_error()
    assert len(exits["enforce"].entries) == len(exits["report"].entries) == 1


def test_a_message_of_no_known_task_is_refused_by_the_client():
    grid = LocalGrid({"a": client_app("cox", site_data(), Exit("a", "train", "off"))})
    with pytest.raises(KeyError):
        grid.send_and_receive([Message(instruct({}, {"task": "give_me_rows"}), 1, "train")])


def test_ledger_files_add_up(tmp_path):
    exit_ = Exit("a", "train", "report", STRONG)
    exit_.release("newton_statistics", STATISTICS)
    write_ledger(exit_.entries, tmp_path / "one.parquet")
    write_ledger([], tmp_path / "two.parquet")
    merge_ledgers([tmp_path / "one.parquet", tmp_path / "two.parquet"], tmp_path / "all.parquet")
    table = pd.read_parquet(tmp_path / "all.parquet")
    assert len(table) == 1 and table["values"].sum() == 6


def test_files_leave_through_the_exit_too(tmp_path):
    exit_ = Exit("a", "evaluate", "enforce")
    exit_.release_json("quality", {"n": 12}, tmp_path / "q.json")
    exit_.release_csv("curves", pd.DataFrame({"at_risk": [10]}), tmp_path / "c.csv")
    assert [entry["message_type"] for entry in exit_.entries] == ["quality", "curves"]
    assert (tmp_path / "q.json").exists() and (tmp_path / "c.csv").exists()


def test_a_baseline_may_end_with_follow_up_and_nothing_else_may():
    exit_ = Exit("a", "train", "report", STRONG)
    exit_.release("local_model", {"arrays": np.array([[1.0, np.nan]])})
    exit_.release("baselines", {"baseline": np.array([[1.0, np.nan]])})
    with pytest.raises(Refusal, match="not finite"):
        exit_.release("descent", {"coefficients": np.array([[1.0, np.inf]])})


@pytest.mark.parametrize(
    "value",
    [np.arange(12.0).reshape(3, 4), np.asfortranarray(np.arange(12.0).reshape(3, 4)), np.arange(3), np.zeros((0, 4))],
)
def test_arrays_survive_the_message(value):
    from hemapilots.federation.messages import pack, unpack

    found = unpack(pack({"a": value})["arrays"])["a"]
    np.testing.assert_array_equal(found, value)
    assert found.dtype == value.dtype and found.shape == value.shape
