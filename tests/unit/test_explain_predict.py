"""Risks of new patients: equal to the pilot's own model, intervals against the delta method, abstention, and hostile input."""

import json

import numpy as np
import pandas as pd
import pytest

from explain_sample import ENCODING, INPUTS, ratio
from hemapilots.cli import main
from hemapilots.encoding import encode
from hemapilots.errors import HemaPilotsError
from hemapilots.explain.foretell import Own, Portable
from hemapilots.explain.new_file import read_table
from hemapilots.explain.new_patients import _not_given, models_of, predict_patients
from hemapilots.explain.new_rows import checked
from hemapilots.explain.portable import export_models, read_portable
from hemapilots.explain.subject import FINAL, subject_of
from hemapilots.explain.worked import worked_patients, worked_risks
from hemapilots.federation.release import Exit
from hemapilots.federation.training import train_federated, train_pooled
from hemapilots.models import cox
from hemapilots.models.files import read_model
from hemapilots.site_tables import read_site

COLUMNS = [{"column": one["column"], "flag": one["type"] != "number"} for one in ENCODING]
TRAIN = {
    "models": {"m": {"kind": "cox", "comparator": False, "strategies": ["newton"], "settings": {}}},
    "strategies": {"newton": {"name": "newton", "baseline": "site", "rounds": 40, "tolerance": 1e-10}},
    "endpoints": ["os"],
    "replicates": 1,
    "folds": 2,
    "penalties": [1.0],
    "ties": "efron",
    "grid": [0.5, 1.0, 1.5, 2.0],
    "gate": "off",
}
AGREED = {"sites": {"os": ["x", "y"]}, "columns": {"os": {"m": COLUMNS}}}
EXPORT = {
    "pilot": "toy",
    "title": "Toy",
    "model": "m",
    "regime": "federated/newton",
    "use_case": "toy",
    "index_date": "first visit",
    "horizons": {"os": [1.0, 2.0]},
    "competing": {},
    "labels": {"os": "Overall survival"},
    "entries": {"os": None},
    "columns": ENCODING,
    "abstention": {
        "required": ["age"],
        "missing": 0.4,
        "deviations": 5.0,
        "width": 0.4,
        "margin": 0.1,
        "flagged": True,
    },
    "decisions": [],
    "subgroups": [],
    "example": {"age": 75, "stage": "II"},
    "inputs": INPUTS | {"ratio": ratio("albumin / 4", "albumin")},
}


def draw(folder, seed, n):
    rng = np.random.default_rng(seed)
    age, albumin = rng.normal(65, 10, n), rng.normal(3.8, 0.5, n)
    stage = rng.choice(["I", "II", "III"], n)
    hazard = 0.3 * np.exp(0.05 * (age - 65) + 0.6 * (stage == "III") - 0.4 * (albumin - 3.8))
    death, censoring = rng.exponential(1 / hazard), rng.uniform(0.5, 5, n)
    age = np.where(rng.random(n) < 0.1, np.nan, age)
    outcome = {"os_entry": 0.0, "os_time": np.minimum(death, censoring), "os_event": (death <= censoring).astype(float)}
    table = pd.DataFrame({"row": np.arange(n), "age": age, "stage": stage, "albumin": albumin, "ratio": albumin / 4})
    table = table.assign(**outcome)
    folder.mkdir()
    table.to_parquet(folder / "harmonized.parquet")
    encode(table, ENCODING).to_parquet(folder / "design.parquet")
    folds = pd.DataFrame({"replicate": 0, "fold": rng.permutation(n) % 2, "row": np.arange(n)})
    folds.to_parquet(folder / "folds.parquet")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("new")
    for site, seed, n in (("x", 1, 300), ("y", 2, 200)):
        draw(root / site, seed, n)
    folders = {site: root / site for site in ("x", "y")}
    train_federated(folders, "m", AGREED, TRAIN, root / "models")
    train_pooled(folders, "m", AGREED, TRAIN, root / "pooled")
    export_models(root / "models", EXPORT, "ab" * 32, root / "model")
    export_models(root / "pooled", EXPORT | {"regime": "pooled"}, "ab" * 32, root / "everywhere")
    return root


def patients(root, site="x"):
    return pd.read_parquet(root / site / "harmonized.parquet")[["row", "age", "stage", "albumin"]]


def test_equal_to_the_pilots_own_predictions_at_the_site(world):
    """Derived column, levels and missing values included: every patient's risk under the final model."""
    found = predict_patients(models_of(world / "model", world / "x"), patients(world), "new.csv")
    spec = {"grid": TRAIN["grid"], "horizons": {"os": [1.0]}, "entry": [], "competing": []}
    one = subject_of(read_site(world / "x"), "os", *read_model(world / "models", "os", "m", "federated/newton"), spec)
    free = one.survival(one.x, np.arange(len(one.x)), np.array([1.0, 2.0]))
    wide = found.pivot(index="patient", columns="horizon", values="risk")
    given = wide.notna().all(axis=1).to_numpy()
    np.testing.assert_allclose(wide.to_numpy()[given], 1 - free[given], rtol=1e-10)
    missing = patients(world)["age"].isna().to_numpy()
    assert not given[missing].any() and given[~missing].mean() > 0.9


def test_equal_to_the_out_of_fold_predictions_with_that_folds_arrays(world):
    """The file that `predict` writes in the workflow: a fold's arrays in the place of the final ones give it back."""
    from hemapilots.predict import apply_model

    spec = {"grid": TRAIN["grid"], "horizons": {"os": [1.0]}, "entry": [], "competing": []}
    arrays, card = read_model(world / "models", "os", "m", "federated/newton")
    tables = read_site(world / "x")
    frame = apply_model(tables, "os", arrays, card, spec)
    fold = tables["folds"][0]
    rows = frame.query("fold == 1")
    own, _ = _own(world, "x")
    learned = fold.to_numpy() != 1
    part = {
        name: value[:, 1:]
        for name, value in arrays.items()
        if name in ("coefficients", "location", "scale", "fill", "chosen")
    }
    model = Portable(part, read_portable(world / "model" / "os.npz")[1], Own(own.x[learned], own.outcome[learned]))
    risk = model.risk(own.x[~learned], np.zeros((~learned).sum()))
    np.testing.assert_allclose(1 - risk, rows[["survival_1", "survival_2"]].to_numpy(), rtol=1e-10)


def _own(root, site):
    table = pd.read_parquet(root / site / "harmonized.parquet")
    outcome = table[["os_entry", "os_time", "os_event"]].to_numpy()
    return Own(encode(table, ENCODING).drop(columns="row").to_numpy(), outcome), table


def test_interval_equals_the_delta_method(world, monkeypatch):
    """Var log H(t|z) = sum of d / S0^2 over H0^2, plus (z - xbar)' V (z - xbar), xbar the hazard's mean of the risk sets' means."""
    monkeypatch.setattr("hemapilots.explain.foretell.DRAWS", 3000)
    own, _ = _own(world, "x")
    model = Portable(*read_portable(world / "model" / "os.json"), own)
    new = own.x[np.isfinite(own.x).all(axis=1)][:12]
    low, high = model.interval(new, np.zeros(len(new)))
    z, entry = model.standardised(own.x), np.zeros(len(own.x))
    beta, covariance = model.arrays["coefficients"][FINAL][0], model.arrays["covariance"][FINAL]
    time, event = own.outcome[:, 1], own.outcome[:, 2] == 1
    weight = np.exp(z @ beta)
    for place, horizon in enumerate((1.0, 2.0)):
        deaths = np.flatnonzero(event & (time <= horizon))
        at_risk = time[None, :] >= time[deaths, None]
        s0 = at_risk @ weight
        baseline, variance = np.sum(1 / s0), np.sum(1 / s0**2)
        assert baseline == pytest.approx(
            cox.baseline_on(np.array([horizon]), *_sorted(z @ beta, entry, time, event))[0], rel=1e-9
        )
        mean = ((at_risk * weight) @ z / s0[:, None] / s0[:, None]).sum(axis=0) / baseline
        apart = model.standardised(new) - mean
        error = np.sqrt(variance / baseline**2 + np.einsum("ij,jk,ik->i", apart, covariance, apart))
        ours = (np.log(-np.log(1 - high[:, place])) - np.log(-np.log(1 - low[:, place]))) / (2 * 1.959964)
        # A limit from 3,000 draws has a Monte Carlo error of 1 to 2 % of the width, common to the patients.
        assert np.mean(ours / error) == pytest.approx(1, abs=0.06)
        assert np.abs(ours / error - 1).max() < 0.12


def _sorted(risk, entry, time, event):
    order = np.argsort(time, kind="stable")
    return risk[order], entry[order], time[order], event[order], "efron"


def test_intervals_cover_the_true_risk(tmp_path):
    """80 cohorts from a known law: the exact 99.9 % binomial range of a 95 % coverage over them is 66 to 80."""
    beta, truth, covered = np.array([0.7, -0.4]), [], 0
    new = np.array([[0.5, 0.5]])
    risk = 1 - np.exp(-0.3 * np.exp(new @ beta))[0]
    columns = [{"column": name, "variable": name, "type": "number"} for name in ("a", "b")]
    inputs = {name: EXPORT["inputs"]["age"] | {"hard": None} for name in ("a", "b")}
    spec = EXPORT | {"columns": columns, "inputs": inputs, "horizons": {"os": [1.0]}}
    spec |= {"abstention": EXPORT["abstention"] | {"required": []}}
    agreed = {
        "sites": {"os": ["s"]},
        "columns": {"os": {"m": [{"column": name, "flag": False} for name in ("a", "b")]}},
    }
    for number in range(80):
        rng = np.random.default_rng(number)
        folder = tmp_path / str(number) / "s"
        folder.mkdir(parents=True)
        x, rows = rng.normal(size=(250, 2)), np.arange(250)
        death, censoring = rng.exponential(1 / (0.3 * np.exp(x @ beta))), rng.uniform(0.5, 4, 250)
        outcome = {"os_entry": 0.0, "os_time": np.minimum(death, censoring)}
        outcome["os_event"] = (death <= censoring).astype(float)
        pd.DataFrame({"row": rows, **outcome}).to_parquet(folder / "harmonized.parquet")
        pd.DataFrame({"row": rows, "a": x[:, 0], "b": x[:, 1]}).to_parquet(folder / "design.parquet")
        pd.DataFrame({"replicate": 0, "fold": rows % 2, "row": rows}).to_parquet(folder / "folds.parquet")
        models = tmp_path / str(number)
        train_federated({"s": folder}, "m", agreed, TRAIN | {"penalties": [0.0]}, models / "fitted")
        export_models(models / "fitted", spec, "", models / "model")
        own = Own(x, pd.DataFrame(outcome).to_numpy())
        model = Portable(*read_portable(models / "model" / "os.json"), own)
        low, high = model.interval(new, np.zeros(1))
        covered += bool(low[0, 0] <= risk <= high[0, 0])
        truth.append(model.risk(new, np.zeros(1))[0, 0])
    assert np.mean(truth) == pytest.approx(risk, abs=0.01)
    assert 66 <= covered <= 80


def test_without_a_site_a_stratified_model_ranks_and_tells_no_risk(world):
    found = predict_patients(models_of(world / "model", None), patients(world).head(3), "new.csv")
    assert (found["answer"] == "abstained").all() and found["risk"].isna().all()
    assert found["reasons"].str.contains("no baseline hazard").all()
    assert found["drivers"].str.len().gt(0).all()


def test_a_pooled_model_brings_its_baseline(world):
    found = predict_patients(models_of(world / "everywhere", None), patients(world).dropna().head(20), "new.csv")
    assert (found["answer"] == "given").all()
    arrays, _ = read_model(world / "pooled", "os", "m", "pooled")
    own, table = _own(world, "x")
    rows = table.dropna().head(20)["row"].to_numpy()
    model = Portable(*read_portable(world / "everywhere" / "os.json"))
    hazard = np.exp(model.standardised(own.x[rows]) @ arrays["final_coefficients"][0])
    wanted = 1 - np.exp(-hazard[:, None] * arrays["final_baseline"][[1, 3]])
    np.testing.assert_allclose(
        found.pivot(index="patient", columns="horizon", values="risk").to_numpy(), wanted, rtol=1e-10
    )


def test_contributions_add_up_to_the_linear_predictor(world):
    own, _ = _own(world, "x")
    model = Portable(*read_portable(world / "model" / "os.json"))
    parts = model.contributions(own.x)
    linear = model.standardised(own.x) @ model.arrays["coefficients"][FINAL][0]
    assert list(parts) == ["age", "stage", "ratio"]
    np.testing.assert_allclose(sum(parts.values()), linear, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"age": np.nan}, "required input missing: Age"),
        (
            {"age": 109.0, "albumin": 6.99},
            "outside the training patients: Ratio (more than 5 standard deviations from their mean)",
        ),
        ({"stage": None, "albumin": np.nan}, "2 of 3 inputs missing, more than the 40 % that may be"),
        ({"age": 111.0}, "Age outside 0 to 110"),
    ],
)
def test_when_it_abstains(world, change, reason):
    row = pd.DataFrame([{"patient_id": "p1", "age": 65.0, "stage": "I", "albumin": 3.8} | change])
    found = predict_patients(models_of(world / "model", world / "x"), row, "new.csv")
    assert (found["answer"] == "abstained").all() and found["risk"].isna().all()
    assert reason in found["reasons"].iloc[0] and (found["patient"] == "p1").all()


@pytest.mark.parametrize(("column", "told"), [("patient_id", "p1"), ("patient", "p1"), ("other", 1)])
def test_a_patient_keeps_the_name_that_the_file_gives(world, column, told):
    row = pd.DataFrame([{column: "p1", "age": 65.0, "stage": "I", "albumin": 3.8}])
    found = predict_patients(models_of(world / "model", world / "x"), row, "new.csv")
    assert (found["patient"] == told).all()


def test_a_site_with_few_patients_abstains(world, tmp_path):
    table = pd.read_parquet(world / "x" / "harmonized.parquet").head(40)
    table.to_parquet(tmp_path / "harmonized.parquet")
    found = predict_patients(models_of(world / "model", tmp_path), patients(world).dropna().head(1), "new.csv")
    assert "fewer than 50 patients" in found["reasons"].iloc[0]


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("age,stage\nancient,I\n", "line 2, column age: it is not a number with a decimal point"),
        ("age,stage\n65,IV\n", "line 2, column stage: it is not one of I, II, III"),
        ("age,stage\n1e999,I\n", "column age: it is not a number"),
        ("name\nMiller\n", "none of the model's inputs is among the columns"),
        ("age,stage\n", "it holds no patients"),
        ("", "it is empty; `hemapilots predict MODEL --template FILE` writes a table to fill in"),
        ('""\n', "it is empty"),
        (
            "patient;age;stage\n1;65;I\n",
            "separated by semicolons; separate them by commas, and write decimals with a point",
        ),
        ("age,stage\n65,Größe\n".encode("latin-1"), "it is not text in UTF-8; save it as CSV in UTF-8"),
        ("age,\n65,\n", "line 1: a column has no name"),
        ('note,age\n"a\nb",70\n\nMiller,old\n', "line 5, column age: it is not a number"),
        ("patient,age\nMiller,70\n,65\n", "line 3, column patient: it is empty; give each patient a name of its own"),
        ("patient_id,age\nMiller,70\n\nMiller,65\n", "line 4, column patient_id: the same as in line 2; give each"),
        ("age,age\n1,2\n", "column age stands there twice"),
        ('age,stage\n"65,I\n', "line 2: its quotes do not pair"),
        (f'age,stage\n"65,I\n{"70,I" * 40_000}', "line 2: its quotes do not pair"),
        (f"age,stage\n65,I\n70,{'x' * 131_073}\n", "line 3: a cell holds more than 131,072 signs; shorten it"),
        (f'age,stage\n65,I\n70,"{"x" * 131_073}"\n', "line 3: a cell holds more than 131,072 signs; shorten it"),
        ("\x00\x01\x02", "it is no text"),
        ("age,stage\n65,I,7\n", "line 2: it has more fields than the header"),
    ],
)
def test_hostile_tables_give_one_sentence(world, tmp_path, capsys, text, sentence):
    path = write(tmp_path / "new.csv", text)
    assert main(["predict", str(world / "model"), str(path), "--site", str(world / "x")]) == 2
    said = capsys.readouterr().err
    assert sentence in said and len(said.splitlines()) == 1
    assert "Miller" not in said and "ancient" not in said


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04broken"])
def test_a_broken_model_gives_one_sentence(world, tmp_path, capsys, content):
    (tmp_path / "os.npz").write_bytes(content)
    (tmp_path / "os.json").write_text((world / "model" / "os.json").read_text())
    assert main(["predict", str(tmp_path / "os.json"), str(write(tmp_path / "a.csv", "age\n60\n"))]) == 2
    assert "not a model" in capsys.readouterr().err


def test_a_pickle_is_not_opened(world, tmp_path):
    np.savez(tmp_path / "os.npz", coefficients=np.array([{"a": 1}], dtype=object))
    (tmp_path / "os.json").write_text((world / "model" / "os.json").read_text())
    with pytest.raises(HemaPilotsError, match="not a model"):
        read_portable(tmp_path / "os.npz")


def test_the_pilots_own_model_file_is_told_from_one_for_new_patients(world):
    with pytest.raises(HemaPilotsError, match="not a model for new patients"):
        read_portable(world / "models" / "os" / "m" / "federated" / "newton.json")
    with pytest.raises(HemaPilotsError, match="there is no model in this folder"):
        models_of(world, None)
    with pytest.raises(HemaPilotsError, match="--site names the folder"):
        models_of(world / "model", world / "nowhere")


def test_the_command_writes_a_row_per_patient_and_horizon(world, tmp_path, capsys):
    path, out = tmp_path / "new.csv", tmp_path / "risks.csv"
    patients(world).dropna().head(5).drop(columns="row").to_csv(path, index=False)
    assert (
        main(["predict", str(world / "model" / "os.json"), str(path), "--site", str(world / "x"), "--out", str(out)])
        == 0
    )
    found = pd.read_csv(out)
    assert len(found) == 10 and found["patient"].tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert ((found["lower"] < found["risk"]) & (found["risk"] < found["upper"])).all()
    assert "10 risks given, 0 not" in capsys.readouterr().err
    assert out.stat().st_mode & 0o077 == 0


def test_the_file_of_the_patients_is_not_written_over(world, tmp_path, capsys):
    path = write(tmp_path / "new.csv", "age,stage\n65,I\n")
    assert main(["predict", str(world / "model"), str(path), "--site", str(world / "x"), "--out", str(path)]) == 2
    assert "it is the file of the patients" in capsys.readouterr().err and path.read_text().startswith("age")


def test_parquet_is_read_as_well(world, tmp_path):
    patients(world).to_parquet(tmp_path / "new.parquet")
    inputs, _ = checked(read_table(tmp_path / "new.parquet"), EXPORT["inputs"], "new.parquet")
    np.testing.assert_allclose(inputs["ratio"], patients(world)["albumin"] / 4)


def test_the_invented_patient_is_the_median_but_for_what_is_declared(world):
    (one,) = worked_patients(world / "model", EXPORT["example"])
    model = Portable(*read_portable(world / "model" / "os.json"))
    z = (np.array([75.0, 0, 1, 0, model.arrays["fill"][FINAL][4]]) - model.arrays["location"][FINAL]) / (
        model.arrays["scale"][FINAL]
    )
    assert one["sum"] == pytest.approx(float(z @ model.arrays["coefficients"][FINAL][0]), abs=1e-10)
    assert (one["reasons"], one["missing"], one["intervals"]) == ([], [], True)
    assert one["without"] == {"variable": "age", "reasons": ["required input missing: Age"]}
    (lacking,) = worked_patients(world / "model", {"age": 75, "stage": None})
    assert lacking["missing"] == ["stage"]


def _fill(root):
    return read_portable(root / "model" / "os.json")[0]["fill"][FINAL][4]


def test_its_risk_leaves_no_site_whose_gate_is_enforced(world, tmp_path):
    tables = read_site(world / "x")
    exit_ = Exit("x", "explain", "report")
    worked_risks(exit_, tables, world / "models", EXPORT, tmp_path / "open.csv")
    found = pd.read_csv(tmp_path / "open.csv")
    row = pd.DataFrame([{"age": 75.0, "stage": "II", "ratio": _fill(world)}])
    own = predict_patients(models_of(world / "model", world / "x"), row, "new.csv")
    np.testing.assert_allclose(found[["risk", "lower", "upper"]], own[["risk", "lower", "upper"]], rtol=1e-9)
    assert [entry["decision"] for entry in exit_.entries] == ["would refuse"]
    kept = Exit("x", "explain", "enforce")
    worked_risks(kept, tables, world / "models", EXPORT, tmp_path / "kept.csv")
    assert pd.read_csv(tmp_path / "kept.csv").empty and kept.entries == []


def test_the_card_says_what_it_needs(world):
    card = json.loads((world / "model" / "os.json").read_text())
    assert list(card["inputs"]) == ["age", "stage", "albumin", "ratio"]
    assert card["protocol_sha256"] == "ab" * 32 and card["horizons"] == [1.0, 2.0]


def test_columns_that_no_model_uses_are_named_and_misspelt_ones_too(world, tmp_path, capsys):
    path = write(tmp_path / "new.csv", "patient,age,Stagee,albumine,shoe size,os_time\n1,60,I,4,43,2\n")
    main(["predict", str(world / "model"), str(path), "--site", str(world / "x"), "--out", str(tmp_path / "o.csv")])
    lines = capsys.readouterr().err.splitlines()
    assert any("column Stagee is no input of the model; did you mean stage?" in line for line in lines)
    assert any("column albumine is no input of the model; did you mean albumin?" in line for line in lines)
    assert any(line.endswith("not used, because no input of the model: shoe size, os_time") for line in lines)
    path = write(tmp_path / "new.csv", "patient,age,stage,albumin\n1,60,I,4\n")
    main(["predict", str(world / "model"), str(path), "--site", str(world / "x"), "--out", str(tmp_path / "o.csv")])
    assert capsys.readouterr().err == "2 risks given, 0 not (see `reasons`)\n"


def test_drivers_are_what_was_given(world):
    row = pd.DataFrame([{"age": 75.0, "stage": None, "albumin": 3.0}])
    found = predict_patients(models_of(world / "model", world / "x"), row, "new.csv")["drivers"].iloc[0]
    given, imputed = found.split("; not given, ")
    assert [part.split()[0] for part in given.split("; ")] == ["age", "ratio"]
    model = Portable(*read_portable(world / "model" / "os.json"))
    inputs, _ = checked(row, EXPORT["inputs"], "new.csv")
    parts = model.contributions(encode(inputs.assign(row=0), ENCODING).drop(columns="row").to_numpy(float))
    assert imputed == f"imputed (1) {parts['stage'][0]:+.3f}"
    assert f"age {parts['age'][0]:+.3f}" in given


def test_blank_lines_move_no_patient(world, tmp_path):
    lines = ["age,stage,albumin", "60,I,4.0", "", " 70 ,III,3.1", "72,II"]
    table = read_table(write(tmp_path / "new.csv", "\r\n".join(lines)))
    assert table.index.tolist() == [2, 4, 5] and table["albumin"].isna().tolist() == [False, False, True]
    wanted = pd.DataFrame({"age": [60.0, 70, 72], "stage": ["I", "III", "II"], "albumin": [4.0, 3.1, np.nan]})
    models = models_of(world / "everywhere", None)
    pd.testing.assert_frame_equal(predict_patients(models, table, "new.csv"), predict_patients(models, wanted, "new"))


def test_what_is_missing_goes_by_the_columns_of_the_file(world):
    """albumin behind ratio; ratio itself where it alone is not known."""
    row = pd.DataFrame([{"age": 65.0, "albumin": 4.0}, {"age": 65.0, "stage": "I"}])
    found = predict_patients(models_of(world / "everywhere", None), row, "new.csv")
    assert found["missing"].tolist() == ["stage", "stage", "albumin", "albumin"]
    bare = {"variables": ["ratio"], "inputs": EXPORT["inputs"]}
    table = pd.DataFrame({"albumin": [0.0, np.nan], "ratio": [np.nan, np.nan]})
    assert _not_given(bare, table, [["ratio"], ["ratio"]]) == [["ratio"], ["albumin"]]


def test_a_template_is_filled_in_and_predicted_from(world, tmp_path, capsys):
    path = tmp_path / "new.csv"
    assert main(["predict", str(world / "model"), "--template", str(path)]) == 0
    assert path.read_text() == "patient,age,stage,albumin\n"
    beside = pd.read_csv(tmp_path / "new.columns.csv").set_index("column")
    assert list(beside.index) == ["age", "stage", "albumin"]
    assert beside.loc["age", ["unit", "low", "high", "required"]].tolist() == ["a", 0, 110, "yes"]
    assert beside.loc["stage", "levels"] == "I | II | III" and beside.loc["albumin", "required"] == "no"
    path.write_text(path.read_text() + "p1,70,II,4.1\n")
    assert main(["predict", str(world / "model"), str(path), "--site", str(world / "x")]) == 0
    assert main(["predict", str(world / "model"), "--template", str(path)]) == 2
    assert "it is there already" in capsys.readouterr().err
    assert main(["predict", str(world / "model"), str(path), "--template", str(tmp_path / "b.csv")]) == 2
    assert main(["predict", str(world / "model")]) == 2
    assert "no FILE is given" in capsys.readouterr().err
