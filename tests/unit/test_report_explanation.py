"""What the section on the model's drivers says, from the sample's figures."""

import pytest

import report_sample
from hemapilots.report.explanation_section import explanation_figures, explanation_tables
from hemapilots.report.released import read_released
from hemapilots.report.words import Labels


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explained") / "toy"
    folder.mkdir()
    return read_released(report_sample.write(folder), report_sample.study())


@pytest.fixture(scope="module")
def labels():
    return Labels(report_sample.study())


def test_variables_by_loss_with_what_is_known_beside(released, labels):
    (table,) = explanation_tables(released, labels)
    assert [row["label"] for row in table["rows"]] == ["Age", "<i>KRAS</i>", "Sex"]
    age, gene, sex = table["rows"]
    # Two sites of one weight: the standard error shrinks by the square root of two.
    assert age["loss"] == "+0.050 (+0.036 to +0.064)" and age["size"] == "6.0 (5.3 to 6.7)"
    assert (age["share"], age["direction"], age["sites"]) == ("60 %", "higher: higher risk", "2")
    assert age["ratio"].startswith("1.041")
    assert (gene["direction"], gene["sites"]) == ("present: lower risk", "1")
    assert sex["direction"] == "" and sex["ratio"] == ""


def test_figures_hold_what_they_were_drawn_from(released, labels):
    losses, shares = explanation_figures(released, labels, "os")
    assert (losses.name, shares.name) == ("importance_os", "survshap_os")
    assert losses.table["estimate"].tolist() == pytest.approx([0.05, 0.02, 0.0])
    first = shares.table.query("time == 2.0")
    assert first.set_index("variable")["size"].to_dict() == pytest.approx({"age": 0.06, "sex": 0.02, "kras": 0.02})


def test_a_model_that_tells_all_the_same_has_no_shares(released, labels):
    flat = released.survshap.copy()
    flat[[name for name in flat if name in ("size", "share", "value")]] = 0.0
    silent = type(released)(**{**vars(released), "survshap": flat})
    assert [drawn.name for drawn in explanation_figures(silent, labels, "os")] == ["importance_os"]


def test_nothing_is_drawn_where_no_site_told_anything(released, labels):
    empty = report_sample.importance("north").iloc[:0], report_sample.survshap("north").iloc[:0]
    silent = type(released)(**{**vars(released), "importance": empty[0], "survshap": empty[1]})
    assert explanation_figures(silent, labels, "os") == [] and explanation_tables(silent, labels) == []
