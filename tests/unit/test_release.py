"""The one exit: gate, wire check and ledger."""

import copy
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from flwr.app import Array, Message

from hemapilots.federation.asking import send
from hemapilots.federation.client import client_app, support_of
from hemapilots.federation.grid import LocalGrid
from hemapilots.federation.messages import instruct
from hemapilots.federation.release import Exit, Refusal, Support, merge_ledgers, write_ledger
from hemapilots.harmonize.flow import step
from hemapilots.harmonize.issues import Issues
from hemapilots.models.data import TrainingData
from hemapilots.models.training_sets import training_sets
from hemapilots.paths import RESOURCES
from hemapilots.quality import load_checks, released_record
from hemapilots.quality.exit import QualityExit
from hemapilots.quality.schema import SILENT, STEPS

ROOT = Path(__file__).resolve().parents[2]

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


def stowaway(message, context, call_next):
    """A mod that hides text behind the numbers of an answer, where numpy's reader does not look."""
    reply = call_next(message, context)
    for name, array in reply.content["arrays"].items():
        file = io.BytesIO()
        np.lib.format.write_array(file, array.numpy(), version=(2, 0))
        data = file.getvalue() + b"row of Miller;" * 1000
        reply.content["arrays"][name] = Array(array.dtype, array.shape, array.stype, data)
    return reply


@pytest.mark.parametrize("mods", [(), (stowaway,)])
def test_nothing_leaves_beside_what_the_exit_has_read(mods):
    exit_ = Exit("north", "training", "off")
    grid = LocalGrid({"north": client_app("cox", site_data(), exit_, *mods)})
    (reply,) = send(grid, {"sets": training_sets(1, 2, tune=False)}, {"task": "moments"})
    sent = list(reply.content["arrays"].values())
    assert not any(b"Miller" in array.data for array in sent)
    # numpy's header of an array is no longer than this; the patients go beside the arrays.
    numbers = exit_.entries[-1]["bytes"] - 8
    assert numbers <= sum(len(array.data) for array in sent) <= numbers + 192 * len(sent)


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
    exit_.release_csv("curves", pd.DataFrame({"at_risk": [10]}), tmp_path / "c.csv")
    with pytest.raises(Refusal, match="nothing is known of what it may name"):
        exit_.release_json("quality", {"records": 10}, tmp_path / "q.json")
    assert [entry["decision"] for entry in exit_.entries] == ["released", "refused"]
    assert (tmp_path / "c.csv").exists() and not (tmp_path / "q.json").exists()


VARIABLES = {
    "hb": {"label": "Haemoglobin", "type": "number", "unit": "g/dL", "hard": [2, 20], "soft": [5, 16]},
    "sex": {"label": "Sex", "type": "category", "levels": ["F", "M"]},
    "gene": {"label": "Gene", "type": "flag", "gene": "TP53"},
    "born": {"label": "Born", "type": "date"},
}
USE_CASE = {
    "name": "small",
    "variables": VARIABLES,
    "endpoints": {"os": {"label": "Survival"}},
    "table_one": ["hb", "sex", "gene"],
    "inclusion": [{"name": "adult", "label": "Adults", "reason": "ineligible"}],
}
MAPPING = {"inclusion": [{"name": "own", "label": "Own patients"}]}


def quality_record(rounding=5, n=103, secret=b"s"):
    table = pd.DataFrame({"row": np.arange(n), "hb": np.linspace(6, 15, n), "gene": (np.arange(n) % 3 == 0) * 1.0})
    table["sex"] = np.where(np.arange(n) % 2, "F", "M")
    table.loc[:11, "hb"] = np.nan
    issues = Issues()
    issues.cells(np.arange(12), "hb", "null", "range_hard", "rule")
    steps = [
        step("delivered", "Records delivered", n + 22, n + 22),
        step("own", "Own patients", n + 22, n + 11, 0, "ineligible"),
    ]
    steps.append(step("adult", "Adults", n + 11, n, 0, "ineligible"))
    line = {"step": "patients", "label": "Patients", "reason": None}
    line |= {
        "patients_in": n,
        "patients_out": n,
        "patients_lost": 0,
        "events_in": 40,
        "events_out": 40,
        "events_lost": 0,
    }
    counts = {"label": "Survival", "patients": n, "events": 40, "competing": 0, "censored": n - 40, "unknown": 0}
    deaths = {"label": "Survival", "delivered": 52, "counted": 40}
    deaths["lines"] = [{"label": "Adults", "reason": "ineligible", "count": -12}]
    flow = {
        "steps": steps,
        "endpoints": {"os": counts | {"zero_time": 0, "lines": [line]}},
        "reconciliation": {"os": deaths},
    }
    rules = load_checks(RESOURCES / "quality" / "thresholds.yaml", USE_CASE)
    return released_record(table, issues.table(), flow, USE_CASE, rules, rounding, secret)


def quality_exit(gate):
    return QualityExit("a", "harmonize", gate, use_case=USE_CASE, mappings=[MAPPING])


@pytest.mark.parametrize(("gate", "rounding"), [("enforce", 5), ("report", 1), ("report", 5), ("off", 1)])
def test_a_quality_record_leaves_as_it_was_made(tmp_path, gate, rounding):
    record = quality_record(rounding)
    quality_exit(gate).release_json("quality", record, tmp_path / "q.json")
    assert json.loads((tmp_path / "q.json").read_text()) == record and record["records"] == (
        105 if rounding == 5 else 103
    )


def test_a_quality_record_that_is_not_rounded_does_not_leave_where_enforced(tmp_path):
    with pytest.raises(Refusal, match="records: not rounded to a multiple of 5"):
        quality_exit("enforce").release_json("quality", quality_record(1), tmp_path / "q.json")
    assert not (tmp_path / "q.json").exists()


def test_a_key_that_stands_twice_does_not_leave():
    text = json.dumps(quality_record())
    for twice in ('{"records": 3, ', '{"records": "Alder", '):
        with pytest.raises(Refusal, match="names a key twice"):
            quality_exit("enforce").release("quality", {"quality": text.replace("{", twice, 1)})
    quality_exit("enforce").release("quality", {"quality": text})


def places(value, path=()):
    """Every object and list of a record, by its keys and places."""
    if isinstance(value, dict | list):
        yield path
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(part, (*path, key))


def at(value, path):
    for key in path:
        value = value[key]
    return value


@pytest.mark.parametrize("gate", ["enforce", "report", "off"])
def test_a_patient_does_not_leave_with_a_quality_record_wherever_it_stands(gate):
    record, exit_ = quality_record(), quality_exit(gate)
    paths = list(places(record))
    assert len(paths) > 60
    for path in paths:
        for patient in ({"patient": "Anna Muster"}, "Anna Muster"):
            spoilt = copy.deepcopy(record)
            part = at(spoilt, path)
            if isinstance(part, list):
                part.append(patient)
            else:
                part |= patient if isinstance(patient, dict) else {patient: 10}
            with pytest.raises(Refusal) as refusal:
                exit_.release("quality", {"quality": json.dumps(spoilt)})
            assert "Anna" not in str(refusal.value) and "patient:" not in str(refusal.value), path
    assert {entry["decision"] for entry in exit_.entries} == {"refused"}
    assert not any("Anna" in entry["reason"] for entry in exit_.entries)


MOMENTS_SHOWN = ("mean", "sd", "median", "lower_quartile", "upper_quartile")


def fits(wrong, value, path, key):
    """Whether a value is of the right kind after all."""
    if type(value) is type(wrong) and (isinstance(value, dict | list | bool) or value == wrong):
        return True
    number = isinstance(wrong, int | float) and not isinstance(wrong, bool)
    return number and (key in MOMENTS_SHOWN or (path[:1] == ("reconciliation",) and wrong == -10))


@pytest.mark.parametrize("wrong", [3, -10, True, 10.0, "Anna Muster", {"patient": "Anna Muster"}])
def test_every_value_of_a_quality_record_has_its_type(wrong):
    record = quality_record()
    exit_ = quality_exit("report")
    for path in places(record):
        # One check stands for all: they are compared as a whole.
        if path[:1] == ("checks",) and path != ("checks", 0):
            continue
        part = at(record, path)
        for key, value in part.items() if isinstance(part, dict) else enumerate(part):
            if not fits(wrong, value, path, key):
                part[key] = wrong
                with pytest.raises(Refusal):
                    exit_.release("quality", {"quality": json.dumps(record)})
                part[key] = value


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("records",), 4, "records: a count of 1 to 4"),
        (("reconciliation", "os", "lines", 0, "count"), -3, r"lines\[0\].count: a count of 1 to 4"),
        (("variables", "hb", "n"), 92, "variables.hb.n: not rounded"),
        (("variables", "hb", "percent_missing"), 11.65, "variables.hb.percent_missing: not that of its counts"),
        (("table_one", "hb", "mean"), 10.52, "table_one.hb.mean: more than 3 significant digits"),
        (("table_one", "hb", "n"), 15, "table_one.hb: a moment of fewer than 20"),
        (("flow", 1, "label"), "Anna Muster", r"flow\[1\]: a step that neither"),
        (("minimum_cell",), 1, "minimum_cell: not 5"),
        (("checks", 0, "n_checked"), 7, "checks: not those of its counts"),
        (("checks", 0, "note"), "Anna Muster", "checks: not those of its counts"),
        (("variables", "hb", "few"), ["Anna Muster"], "few: not a list of its own counts"),
    ],
)
def test_what_is_wrong_with_a_quality_record_is_said_by_its_place(path, value, expected):
    record = quality_record()
    at(record, path[:-1])[path[-1]] = value
    with pytest.raises(Refusal, match=expected):
        quality_exit("enforce").release("quality", {"quality": json.dumps(record)})


def test_the_steps_that_the_gate_knows_are_those_of_the_engine():
    source = "".join(path.read_text() for path in (ROOT / "scripts/hemapilots/harmonize").rglob("*.py"))
    for name, label, _ in STEPS:
        assert f'"{name}"' in source and f'"{label}"' in source
    assert f'"{SILENT[0]}"' in source


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

    packed = pack({"a": value} | ONE)["arrays"]
    np.testing.assert_array_equal(unpack(packed)["a"], value)
    np.testing.assert_array_equal(packed["a"].numpy(), value)
    assert packed["a"].numpy().dtype == value.dtype and packed["a"].numpy().shape == value.shape
