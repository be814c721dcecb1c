"""Sensitivity analyses on the page: figures of the sample, worked out by hand."""

import numpy as np
import pandas as pd
import pytest

import report_sample
from hemapilots.report.released import read_released
from hemapilots.report.sensitivity_section import sensitivity_forest, sensitivity_sentence, sensitivity_tables
from hemapilots.report.words import Labels


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sensitivity") / "toy"
    folder.mkdir()
    return report_sample.write(folder)


def section(inputs, **changes):
    study = report_sample.study(**changes)
    released = read_released(inputs, study)
    return released, Labels(study)


def test_every_analysis_stands_beside_the_primary_one(inputs):
    found = sensitivity_tables(*section(inputs))
    (measure,) = found["measures"]
    assert [row["label"] for row in measure["rows"]] == [
        "One curve for all (primary)",
        "By covariates",
        "Graft <b> competes",
    ]
    assert [row["figure"][:5] for row in measure["rows"]] == ["0.700", "0.680", "0.710"]
    assert [row["moved"][:6] for row in measure["rows"]] == ["", "−0.020", "+0.010"]
    (against,) = found["differences"]
    assert against["label"] == "Pooled, simulation only"
    assert [cell[:6] for cell in against["cells"]] == ["−0.010", "−0.030", "0.000 "]
    assert found["covariates"] == "Age"


def test_treated_patients_are_counted(inputs):
    (sentence,) = sensitivity_tables(*section(inputs))["treatments"]
    assert "12 patients had it before follow-up ended; 5 more had it nobody knows when" in sentence


def test_private_sites_are_combined_by_their_pairs(inputs):
    private = {name: paths for name, paths in inputs.items() if not name.startswith("pooled_")}
    found = sensitivity_tables(*section(private, sharing="private"))
    rows = {row["label"]: row for row in found["measures"][0]["rows"]}
    # Two parts of north's 0.73 and one of south's 0.67; errors of 0.02 each.
    half = 1.959964 * 0.02 * np.sqrt(5) / 3
    assert rows["Each site’s curve (primary)"]["figure"] == f"0.710 ({0.71 - half:.3f} to {0.71 + half:.3f})"
    assert rows["By covariates"]["moved"].startswith("−0.020")
    assert found["treatments"][0].startswith("Graft <b>: 24 patients")
    assert found["differences"][0]["cells"][1].startswith("−0.030")


def test_a_private_site_that_hides_its_count_hides_the_sum(inputs, tmp_path):
    table = report_sample.sensitivity("south").assign(changed=np.nan)
    table.to_csv(tmp_path / "south.csv", index=False)
    private = {name: paths for name, paths in inputs.items() if not name.startswith("pooled_")}
    private["sensitivity"] = [inputs["sensitivity"][0], tmp_path / "south.csv"]
    assert (
        "too few patients had it at a site" in sensitivity_tables(*section(private, sharing="private"))["treatments"][0]
    )


def test_an_analysis_that_rests_on_fewer_sites_says_so(inputs, tmp_path):
    table = report_sample.sensitivity("south")
    table.loc[table["analysis"] == "covariates", ["estimate", "lower", "upper", "se", "weight"]] = np.nan
    table.to_csv(tmp_path / "south.csv", index=False)
    private = {name: paths for name, paths in inputs.items() if not name.startswith("pooled_")}
    private["sensitivity"] = [inputs["sensitivity"][0], tmp_path / "south.csv"]
    found = sensitivity_tables(*section(private, sharing="private"))
    labels = ["Each site’s curve (primary)", "By covariates (1 of 2 sites)", "Graft <b> competes"]
    assert [row["label"] for row in found["measures"][0]["rows"]] == found["heads"] == labels
    drawn = sensitivity_forest(*section(private, sharing="private"))
    assert drawn.table["label"].tolist() == labels


def test_the_figure_holds_the_analyses_that_have_one(inputs):
    drawn = sensitivity_forest(*section(inputs))
    assert drawn.table["label"].tolist() == ["One curve for all (primary)", "By covariates", "Graft <b> competes"]
    assert drawn.table["estimate"].tolist() == pytest.approx([0.7, 0.68, 0.71])


def test_the_checklists_say_how_far_the_figure_moves(inputs):
    assert sensitivity_sentence(section(inputs)[0]).endswith("C moves by 0.020 at most.")


def test_without_a_judged_primary_model_there_is_no_section(inputs, tmp_path):
    table = report_sample.sensitivity("all").iloc[:0]
    assert isinstance(table, pd.DataFrame)
    table.to_csv(tmp_path / "none.csv", index=False)
    nothing = inputs | {"sensitivity": [tmp_path / "none.csv"], "pooled_sensitivity": [tmp_path / "none.csv"]}
    assert sensitivity_tables(*section(nothing)) is None and sensitivity_forest(*section(nothing)) is None
