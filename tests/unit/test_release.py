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

ONE = {"examples": np.array([40.0])}
STATISTICS = {"loglik": np.zeros(1), "gradient": np.zeros((1, 2)), "information": np.zeros((1, 3))} | ONE
MOMENTS = (
    {name: np.ones(1) for name in ("patients", "events")}
    | {name: np.ones((1, 2)) for name in ("observed", "sums", "squares")}
    | ONE
)
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
        Exit("a", "train", "enforce", support).release("moments", MOMENTS)


def test_support_passes_and_is_counted():
    exit_ = Exit("a", "train", "enforce", STRONG)
    exit_.release("newton_statistics", STATISTICS, 3)
    entry = exit_.entries[0]
    assert (entry["decision"], entry["round"], entry["values"], entry["bytes"]) == ("released", 3, 7, 56)


def test_report_gate_lets_pass_and_says_what_it_would_refuse():
    exit_ = Exit("a", "train", "report", WEAK)
    exit_.release("newton_statistics", STATISTICS)
    assert exit_.entries[0]["decision"] == "would refuse" and "gene" in exit_.entries[0]["reason"]
    exit_.release("death_counts", {"times": np.zeros(3)} | ONE)
    assert exit_.entries[1]["reason"] == "values of single patients"


@pytest.mark.parametrize("kind", ["risk_sums", "death_counts", "weighted_squares", "baselines", "local_model"])
def test_what_shows_single_patients_or_a_site_is_refused_where_enforced_whatever_the_support(kind):
    exit_ = Exit("a", "train", "enforce", STRONG)
    with pytest.raises(
        Refusal, match="values of single patients|baseline hazard never leaves|local model reveals its site"
    ):
        exit_.release(kind, {})
    assert exit_.entries[0]["decision"] == "refused"


def test_without_known_support_nothing_that_needs_it_leaves():
    with pytest.raises(Refusal, match="nothing is known of its support"):
        Exit("a", "train", "enforce").release("newton_statistics", STATISTICS)


@pytest.mark.parametrize("gate", ["enforce", "report", "off"])
def test_undeclared_fields_and_values_that_are_not_finite_never_leave(gate):
    with pytest.raises(Refusal, match="it carries .*rows"):
        Exit("a", "train", gate, STRONG).release("newton_statistics", STATISTICS | {"rows": np.zeros(4)})
    with pytest.raises(Refusal, match="loglik is not finite"):
        Exit("a", "train", gate, STRONG).release("newton_statistics", STATISTICS | {"loglik": np.array([np.nan])})


def test_unknown_message_type_cannot_leave():
    exit_ = Exit("a", "train", "report")
    with pytest.raises(Refusal, match="no such message type"):
        exit_.release("patients", {"rows": np.zeros(3)})
    assert exit_.entries[0]["decision"] == "refused"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"gradient": np.zeros((117, 2))}, "gradient has a length of 117 where 1 was asked for"),
        ({"gradient": np.zeros((1, 2), dtype=np.uint8)}, "gradient is not an array of 2 dimensions of 64-bit floats"),
        ({"information": np.zeros((1, 7))}, "information has a length of 7 where 3 was asked for"),
        ({"loglik": "text"}, "loglik is not an array"),
    ],
)
def test_arrays_of_another_form_do_not_leave(change, expected):
    with pytest.raises(Refusal, match=expected):
        Exit("a", "train", "report", STRONG).release(
            "newton_statistics", STATISTICS | change, 1, {"F": 1, "p": 2, "t": 3}
        )


def test_a_missing_field_is_noticed():
    with pytest.raises(Refusal, match="it carries examples, gradient, loglik, not"):
        Exit("a", "train", "report", STRONG).release(
            "newton_statistics", {k: v for k, v in STATISTICS.items() if k != "information"}
        )


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
    assert len(table) == 1 and table["values"].sum() == 7


def test_files_leave_through_the_exit_too(tmp_path):
    exit_ = Exit("a", "evaluate", "enforce")
    exit_.release_json("quality", {"records": 12}, tmp_path / "q.json")
    exit_.release_csv("curves", pd.DataFrame({"at_risk": [10]}), tmp_path / "c.csv")
    assert [entry["message_type"] for entry in exit_.entries] == ["quality", "curves"]
    assert (tmp_path / "q.json").exists() and (tmp_path / "c.csv").exists()


@pytest.mark.parametrize("gate", ["enforce", "report", "off"])
@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"records": 12, "rows": [1, 2]}, "quality carries rows, which its type does not know"),
        ({"checks": [{"id": "x", "patient": "p1"}]}, "quality carries patient in checks"),
        ({"flow": [{"step": "s", "ids": [1]}]}, "quality carries ids in flow"),
        ({"checks": ["p1"]}, "quality carries a value in checks"),
        ([1, 2], "quality carries a list"),
    ],
)
def test_a_quality_record_carries_what_its_type_knows_and_nothing_else(tmp_path, gate, record, expected):
    with pytest.raises(Refusal, match=expected):
        Exit("a", "harmonize", gate).release_json("quality", record, tmp_path / "q.json")
    assert not (tmp_path / "q.json").exists()


def test_a_baseline_may_end_with_follow_up_and_nothing_else_may():
    exit_ = Exit("a", "train", "report", STRONG)
    exit_.release("local_model", {"arrays": np.array([1.0, np.nan]), "card": "{}"})
    exit_.release("baselines", {"baseline": np.array([[1.0, np.nan]])} | ONE)
    with pytest.raises(Refusal, match="not finite"):
        exit_.release("descent", {"coefficients": np.array([[1.0, np.inf]])} | ONE)


def test_the_number_of_patients_is_in_the_ledger_too():
    exit_ = Exit("a", "train", "report", STRONG)
    send(
        LocalGrid({"a": client_app("cox", site_data(), exit_)}),
        {"sets": training_sets(1, 2, False)},
        {"task": "moments"},
    )
    assert "examples" in exit_.entries[0]["fields"]


def test_medians_cannot_be_asked_down_to_a_patient():
    """Under an enforced gate no series of thresholds tells groups of fewer than five patients apart."""
    from hemapilots.models.preprocessing import GuardedCounts

    data = site_data(60)
    sets, columns = training_sets(1, 2, False)[:1], np.array([0])
    values = np.sort(data.x[:, 0])
    guarded = GuardedCounts(5)
    rng = np.random.default_rng(3)
    told = set()
    for threshold in np.concatenate([rng.permutation((values[1:] + values[:-1]) / 2), values - 1e-12]):
        told.add(int(guarded.count(data, sets, columns, np.array([[threshold]]))[0, 0]))
    steps = np.diff(sorted(told | {0, 60}))
    assert steps.min() >= 5 and len(told) > 4
    exact = GuardedCounts(0).count(data, sets, columns, np.array([[values[7]]]))
    assert exact[0, 0] == 8


@pytest.mark.parametrize(
    "value",
    [np.arange(12.0).reshape(3, 4), np.asfortranarray(np.arange(12.0).reshape(3, 4)), np.arange(3), np.zeros((0, 4))],
)
def test_arrays_survive_the_message(value):
    from hemapilots.federation.messages import pack, unpack

    found = unpack(pack({"a": value} | ONE)["arrays"])["a"]
    np.testing.assert_array_equal(found, value)
    assert found.dtype == value.dtype and found.shape == value.shape
