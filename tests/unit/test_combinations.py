"""Which model, strategy and sharing go together: what is allowed resolves, what is not is refused with file, line and reason."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from hemapilots.cross_checks.combinations import COMBINATIONS, OWN_MODELS, refusal
from hemapilots.errors import HemaPilotsError
from hemapilots.study import load_study

ROOT = Path(__file__).resolve().parents[2]
PROTOCOL = "protocols/standard.yaml"


def with_line(config, after, line):
    """The study of the synthetic pilot with a line added to its protocol."""
    path = config / PROTOCOL
    text = path.read_text()
    assert after in text
    path.write_text(text.replace(after, f"{after}  {line}\n", 1))
    return load_study("mds-synthetic", config, ROOT / "resources")


def test_models_are_trained_by_the_strategies_that_can_or_that_they_name(config):
    study = with_line(config, "models:\n", "net: {kind: deepsurv, predictors: clinical, hidden: [8, 4]}")
    models = study["train"]["models"]
    assert models["net"]["strategies"] == ["fedavg", "fedprox"]
    assert models["net"]["settings"]["hidden"] == [8, 4]
    assert "newton" in models["cox-molecular"]["strategies"]
    judged = study["evaluate"]["comparisons"]
    assert [row for row in judged if row["reference_model"] == "net" and row["reference_regime"] == "federated/fedavg"]


def test_a_model_may_be_for_the_primary_endpoint_alone(config):
    study = with_line(config, "models:\n", "net: {kind: deepsurv, predictors: clinical, endpoints: primary}")
    models, judged = study["train"]["models"], study["evaluate"]["comparisons"]
    assert models["net"]["endpoints"] == ["os"] and len(models["cox-molecular"]["endpoints"]) == 3
    assert {row["endpoint"] for row in judged if row["reference_model"] == "net"} == {"os"}
    with pytest.raises(HemaPilotsError, match="models.other.endpoints"):
        with_line(config, "models:\n", "other: {kind: deepsurv, predictors: clinical, endpoints: os}")


REFUSED = [
    ("net: {kind: deepsrv, predictors: clinical}", ["models.net: unknown kind 'deepsrv'", "use one of"]),
    ("net: {predictors: clinical}", ["models.net: the field kind is required"]),
    ("net: {kind: deepsurv, predictors: clinical, hiden: [3]}", ["unknown key 'hiden'", "did you mean 'hidden'?"]),
    ("net: {kind: deepsurv, predictors: clinical, hidden: [0]}", ["models.net.hidden.0", "greater than or equal to 1"]),
    ("net: {kind: deepsurv, predictors: clinical, strategies: [fedavgg]}", ["models.net.strategies.0", "'fedavg'"]),
    (
        "net: {kind: deepsurv, predictors: clinical, strategies: [newton]}",
        ["models.net.strategies.0", "not allowed for deepsurv", "it is for linear models"],
    ),
    (
        "net: {kind: fine_gray, predictors: clinical, strategies: [fedavg]}",
        ["models.net.strategies.0", "not allowed for fine_gray", "use `newton` with `baseline: site`"],
    ),
    ("net: {kind: discrete_hazard, predictors: clinical, cuts: [2, 1]}", ["models.net.cuts", "must rise"]),
]


@pytest.mark.parametrize(("line", "said"), REFUSED)
def test_a_wrong_model_is_refused_with_file_line_and_field(config, line, said):
    with pytest.raises(HemaPilotsError) as error:
        with_line(config, "models:\n", line)
    at = (config / PROTOCOL).read_text().split("models:\n")[0].count("\n") + 2
    assert f"{PROTOCOL}, line {at}: " in str(error.value)
    assert all(part in str(error.value) for part in said)


def test_a_strategy_that_trains_no_model_is_refused(config):
    path = config / PROTOCOL
    for old, new in (("[newton, fedavg]", "[newton]"), ("[fedavg, fedprox]", "[fedprox]"), ("[fedavg]", "[fedprox]")):
        path.write_text(path.read_text().replace(old, new))
    with pytest.raises(HemaPilotsError, match=r"strategies.fedavg: no model names it"):
        load_study("mds-synthetic", config, ROOT / "resources")


def test_every_combination_outside_the_table_has_a_reason():
    for kind, strategy, baseline in COMBINATIONS:
        for sharing in ("private", "public", "synthetic"):
            options = {"baseline": baseline, "trimmed": 0.2, "malicious": 1}
            reason = refusal(SimpleNamespace(kind=kind), strategy, options, sharing, 9)
            open_ = sharing != "private" or strategy not in OWN_MODELS
            assert (reason is None) == (sharing in COMBINATIONS[kind, strategy, baseline] and open_)
    assert "do not go together" in refusal(SimpleNamespace(kind="cox"), "none", {}, "public", 9)


@pytest.mark.parametrize("strategy", OWN_MODELS)
def test_a_private_cohort_must_allow_that_sites_own_models_leave(strategy):
    model = SimpleNamespace(kind="forest" if strategy == "forest_sampling" else "cox")
    options = {"baseline": "site" if strategy == "oneshot" else None}
    assert "allow: [local_models]" in refusal(model, strategy, options, "private", 9)
    assert refusal(model, strategy, options, "private", 9, ("local_models",)) is None


def test_robust_strategies_need_enough_sites_and_scaffold_plain_steps():
    cox, options = SimpleNamespace(kind="cox"), {"trimmed": 0.2, "malicious": 1}
    assert "removes nobody" in refusal(cox, "fedtrimmedavg", options, "public", 3)
    assert refusal(cox, "fedtrimmedavg", options, "public", 5) is None
    assert "no guarantee below 5 sites, here are 3" in refusal(cox, "krum", options, "public", 3)
    assert refusal(cox, "krum", options, "public", 5) is None
    assert "optimizer: sgd" in refusal(SimpleNamespace(kind="deepsurv", optimizer="adam"), "scaffold", {}, "public", 3)
    assert refusal(SimpleNamespace(kind="deepsurv", optimizer="sgd"), "scaffold", {}, "public", 3) is None


def test_fine_gray_is_trained_for_endpoints_with_a_competing_event_and_without_late_entry(config):
    study = with_line(config, "models:\n", "gray: {kind: fine_gray, predictors: clinical}")
    assert study["train"]["models"]["gray"]["endpoints"] == ["aml"]
    assert study["train"]["models"]["gray"]["strategies"] == ["newton"]
    judged = [row for row in study["evaluate"]["comparisons"] if row["reference_model"] == "gray"]
    assert [(row["endpoint"], row["reference_regime"]) for row in judged] == [("aml", "federated/newton")]
    pilot = config / "pilots" / "mds-synthetic.yaml"
    pilot.write_text(pilot.read_text() + "endpoints: [os]\n")
    study = load_study("mds-synthetic", config, ROOT / "resources")
    assert study["train"]["models"]["gray"]["endpoints"] == []
    path = config / PROTOCOL
    path.write_text(path.read_text().replace("primary: {model: cox-molecular", "primary: {model: gray"))
    with pytest.raises(HemaPilotsError, match="fine_gray is for endpoints with a competing event; use cox"):
        load_study("mds-synthetic", config, ROOT / "resources")


def test_a_model_that_cannot_learn_from_late_entry_is_not_trained_for_it(config):
    from hemapilots.config.models import Cox, DeepSurv, DiscreteHazard
    from hemapilots.config.protocol import Protocol
    from hemapilots.cross_checks.protocol import _learnable
    from hemapilots.cross_checks.source import Source

    protocol = Source(config / PROTOCOL, Protocol)
    use_case = {"endpoints": {"os": {"entry": None}, "age": {"entry": "e"}}, "primary_endpoint": "os"}
    hazard = DiscreteHazard(kind="discrete_hazard", predictors="p")
    assert _learnable(protocol, "net", hazard, ["os", "age"], use_case) == ["os"]
    for model in (Cox(kind="cox", predictors="p"), DeepSurv(kind="deepsurv", predictors="p")):
        assert _learnable(protocol, "net", model, ["os", "age"], use_case) == ["os", "age"]
    use_case = {"endpoints": {"age": {"entry": "e"}}, "primary_endpoint": "age"}
    with pytest.raises(HemaPilotsError, match="cannot learn from patients who come under observation late"):
        _learnable(protocol, "cox-molecular", hazard, ["age"], use_case)


def test_a_personal_step_follows_the_strategy_that_it_goes_on_from(config):
    path = config / PROTOCOL
    text = path.read_text().replace("strategies:\n", "strategies:\n  finetune: {local_steps: 2}\n", 1)
    path.write_text(text.replace("strategies: [newton, fedavg]", "strategies: [finetune, newton, fedavg]"))
    study = load_study("mds-synthetic", config, ROOT / "resources")
    steps = study["predict"]["finetuned"]
    assert set(steps) == {"cox-molecular"} and steps["cox-molecular"]["of"] == "newton"
    assert steps["cox-molecular"]["penalties"][-1] == 3000
    # It is no federation: nothing is trained or sent for it, and it is compared like any other regime.
    assert study["train"]["models"]["cox-molecular"]["strategies"] == ["newton", "fedavg"]
    assert "finetune" not in study["train"]["strategies"]
    assert any(row["reference_regime"] == "federated/finetune" for row in study["evaluate"]["comparisons"])


PERSONAL = [
    (SimpleNamespace(kind="forest"), "trees have no weights"),
    (SimpleNamespace(kind="fine_gray"), "use `newton`"),
    (SimpleNamespace(kind="cox", l1_ratios=(0.5,)), None),
    (SimpleNamespace(kind="savae"), None),
]


@pytest.mark.parametrize(("model", "said"), PERSONAL)
@pytest.mark.parametrize("sharing", ["private", "public"])
def test_who_can_take_a_personal_step(model, said, sharing):
    found = refusal(model, "finetune", {"local_steps": 5}, sharing, 3)
    assert found is None if said is None else said in found


def test_a_personal_step_is_refused_as_primary_and_without_what_it_begins_with(config):
    path = config / PROTOCOL
    text = path.read_text().replace("strategies:\n", "strategies:\n  finetune: {of: fedprox}\n", 1)
    path.write_text(text.replace("strategies: [newton, fedavg]", "strategies: [newton, fedavg, finetune]"))
    with pytest.raises(HemaPilotsError, match="goes on from the model of `fedprox`, which does not train this one"):
        load_study("mds-synthetic", config, ROOT / "resources")
    text = path.read_text().replace("{of: fedprox}", "{}")
    path.write_text(text.replace("regime: federated/newton", "regime: federated/finetune"))
    with pytest.raises(HemaPilotsError, match="primary.regime: every site keeps a model of its own there"):
        load_study("mds-synthetic", config, ROOT / "resources")


@pytest.mark.parametrize(
    ("kind", "options", "why"),
    [
        ("boosting", {}, "a bin of a histogram may hold a single patient"),
        ("cox", {"baseline": "grid"}, "sums of single patients per cell of the grid"),
    ],
)
def test_what_needs_secret_sums_is_refused_for_a_private_cohort_with_that_reason(kind, options, why):
    strategy = "newton" if kind == "cox" else "histogram_boosting"
    assert refusal(SimpleNamespace(kind=kind), strategy, options, "synthetic", 5) is None
    found = refusal(SimpleNamespace(kind=kind), strategy, options, "private", 5)
    assert why in found and "added up in secret, which is not built" in found
