"""What the tables of a report say, from a small pilot."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

import report_sample
from hemapilots.errors import HemaPilotsError
from hemapilots.report import (
    calibration_section,
    checks,
    coefficients,
    cohort,
    differences,
    exchange,
    federated_section,
    performance,
    reclassification_section,
    utility_section,
    verdict_words,
)
from hemapilots.report.event_flow import event_flow
from hemapilots.report.released import read_released
from hemapilots.report.table_one_total import total_cells
from hemapilots.report.words import Labels


@pytest.fixture(scope="module")
def pilot(tmp_path_factory):
    study = report_sample.study()
    return read_released(report_sample.write(tmp_path_factory.mktemp("toy")), study), Labels(study)


def test_a_private_folder_is_never_read(tmp_path):
    inputs = report_sample.write(tmp_path)
    inputs["metrics"] = [tmp_path / "sites" / "north" / "metrics.csv"]
    with pytest.raises(HemaPilotsError, match="private folder"):
        read_released(inputs, report_sample.study())


def test_headline_sets_the_primary_first_and_the_scores_last(pilot):
    table = performance.headline_table(*pilot)
    labels = [row["label"] for row in table["rows"]]
    assert labels == [
        "Federated (newton)",
        "Pooled, simulation only",
        "Each site’s own model",
        "Model of north",
        "Model of south",
        "Index",
    ]
    assert table["rows"][0]["uno_c"] == "0.700 (0.650 to 0.750)"
    # The figure over pairs across sites, not the within-site one.
    assert table["rows"][1]["difference"] == "−0.001 (−0.006 to +0.004)"


def test_a_model_that_is_not_trained_for_an_endpoint_has_no_heading_in_its_figure(pilot):
    released, labels = pilot
    other = list(released.protocol["protocol"]["models"])[1]
    without = dataclasses.replace(released, metrics=released.metrics[released.metrics["model"] != other])
    assert f">{other}<" in performance.regime_forest(released, labels, "os").svg
    assert f">{other}<" not in performance.regime_forest(without, labels, "os").svg


def test_a_score_that_ranks_nobody_is_named_in_a_note_alone(tmp_path):
    study = report_sample.study()
    released = read_released(report_sample.write(tmp_path), study)
    labels = Labels(study)
    assert performance.scores_without_figures(released, labels, "os") == []
    released.metrics.loc[released.metrics["model"] == "score", "estimate"] = math.nan
    assert performance.scores_of(released, "os") == []
    assert performance.headline_table(released, labels)["unranked"] == ["Index"]


def test_a_variable_that_nobody_has_stands_in_a_note(tmp_path):
    released = read_released(report_sample.write(tmp_path), report_sample.study())
    for record in released.quality.values():
        record["table_one"]["age"]["absent"] = record["records"]
    table = cohort.table_one(released, Labels(report_sample.study()))
    assert table["nowhere"] == ["Age"] and "Age, years" not in [group["label"] for group in table["groups"]]


def test_events_are_followed_into_the_endpoint(pilot):
    released, labels = pilot
    found = event_flow(released.quality, {"os": labels.endpoint("os")})
    rows = found["rows"]
    assert [row["label"] for row in rows] == ["Patients", "Time missing"] * 2 and not found["hidden"]
    assert (rows[1]["patients_in"], rows[1]["patients_lost"], rows[1]["patients_out"]) == ("72", "12", "60")
    assert (rows[1]["events_in"], rows[1]["events_lost"], rows[1]["events_out"]) == ("not shown", "not shown", "30")


def _line(step: str, label: str, *counts: int | None) -> dict:
    names = [f"{part}_{what}" for part in ("patients", "events") for what in ("in", "lost", "out")]
    return {"step": step, "label": label} | dict(zip(names, counts, strict=True))


def test_steps_that_are_not_shown_stand_in_one_sentence():
    first, none = _line("patients", "Patients", None, None, None, None, None, None), (None,) * 6
    dark = [first, _line("adult", "Adults", *none), _line("endpoint", "Missing", *none)]
    zero = _line("patients", "Patients", None, 0, None, None, 0, None)
    outcome = [
        zero,
        _line("adult", "Adults", None, 9, None, None, 5, None),
        _line("endpoint", "Missing", None, None, None, None, None, None),
        _line("endpoint", "Late", None, None, 95, None, None, 62),
    ]
    clear = [_line("patients", "Patients", 50, 0, 50, 20, 0, 20), _line("adult", "Adults", 50, 0, 50, 20, 0, 20)]
    adults = [
        zero,
        _line("adult", "Adults", None, None, 90, None, None, 40),
        _line("endpoint", "Missing", 90, 9, 81, 40, 9, 31),
    ]
    sites = {"north": dark, "south": dark, "east": outcome, "west": adults, "far": clear}
    quality = {site: {"endpoints": {"os": {"lines": lines}, "pfs": {"lines": lines}}} for site, lines in sites.items()}
    found = event_flow(quality, {"os": "OS", "pfs": "PFS"})
    assert found["hidden"] == [
        {
            "endpoints": "OS and PFS",
            "steps": "every step at north and south; a missing, contradictory or untimely outcome at east; “Adults” at west",
        }
    ]
    told = [(row["site"], row["label"], row["patients_lost"]) for row in found["rows"] if row["endpoint"] == "OS"]
    assert told == [("east", "Adults", "9"), ("west", "Missing", "9"), ("far", "Patients", "0")]
    nothing = event_flow({"north": quality["north"]}, {"os": "OS"})
    assert nothing == {"rows": [], "hidden": [{"endpoints": "OS", "steps": "every step at north"}]}


def test_variables_alike_at_every_site_share_a_row_and_those_without_a_number_a_note(tmp_path):
    released = read_released(report_sample.write(tmp_path), report_sample.study())
    for record in released.quality.values():
        age = record["variables"]["age"] | {"absent": 6, "percent_missing": 10, "suppressed": False}
        dark = age | {"percent_missing": None, "absent": None, "suppressed": True, "nulled": {}, "flagged": {}}
        noted = dark | {"nulled": {"range_hard": 7}}
        found = {"age": age, "weight": age, "height": dark, "pulse": noted}
        record["variables"] = {name: one | {"label": name.title()} for name, one in found.items()}
    table = cohort.quality_rows(released)
    assert [row["label"] for row in table["rows"]] == ["Age, Weight", "Pulse"] and table["hidden"] == ["Height"]
    assert table["rows"][1]["cells"][0] == {"missing": "not shown", "notes": ["7 nulled: outside possible values"]}


def test_checks_stand_failed_ones_first(pilot):
    tables = checks.check_tables(pilot[0].quality)
    assert [site["site"] for site in tables["sites"]] == ["north", "south"]
    site = tables["sites"][0]
    assert site["judged"] == 2 and [row["who"] for row in site["failed"]] == ["Age <b>"]
    assert (site["failed"][0]["percent"], site["failed"][0]["limit"]) == ("11.7 %", "1 %")
    assert tables["overview"][0]["site"] == "north, south"
    assert tables["overview"][0]["cells"][0] == {"passed": 1, "failed": 1, "open": 0}
    assert [kind["passed"] for kind in site["kinds"]] == [1, 0] and site["kinds"][1]["notes"]
    assert checks.check_tables({"north": {"records": 5}}) == {"heads": [], "overview": [], "sites": []}


def test_an_in_sample_score_is_marked(pilot):
    released, labels = pilot
    released.study["in_sample"] = {"index": "fitted on these patients"}
    table = performance.headline_table(released, labels)
    released.study["in_sample"] = {}
    assert table["rows"][-1]["mark"] == 1
    assert table["notes"] == ["Index: fitted on these patients."]


def test_hazard_ratios_are_per_unit_with_their_interval(pilot):
    rows = coefficients.coefficient_rows(*pilot, "os")
    assert [row["label"] for row in rows] == ["Age", "Platelets to 250", "Sex: M"]
    assert rows[0]["hr"] == pytest.approx(math.exp(0.4 / 10))
    assert rows[0]["hr_lower"] == pytest.approx(math.exp(0.2 / 10))
    assert rows[0]["hr_upper"] == pytest.approx(math.exp(0.6 / 10))


def test_truth_is_turned_into_the_columns_units(pilot):
    known = coefficients.true_coefficients(pilot[0], "os")
    assert known == {"age": pytest.approx(0.05), "plt_capped": pytest.approx(-0.004), "sex_M": pytest.approx(0.3)}
    drawn = coefficients.truth_figure(coefficients.coefficient_rows(*pilot, "os"), "os", "Overall survival")
    # Per standard deviation, as the estimates: ten years, a hundred platelets, half a unit.
    table = drawn.table.set_index("label")["second_estimate"]
    assert table["Age"] == pytest.approx(0.5)
    assert table["Platelets to 250"] == pytest.approx(-0.4)
    assert table["Sex: M"] == pytest.approx(0.15)


def test_the_effect_of_refusing_is_the_twin_minus_the_primary(pilot):
    found = exchange.twin(*pilot)
    assert found["change"] == "−0.015 (−0.020 to −0.010)"
    assert (found["kept"], found["of"]) == (1, 4)
    assert found["meaning"] == "leaving the columns out costs that much"


def test_refusals_name_columns_and_sites(pilot):
    (row,) = exchange.refusals(*pilot)
    assert row["sites"] == "all sites"
    assert row["columns"] == ["<i>KRAS</i>", "Sex: M"]
    assert row["stages"] == ["Federated (newton): cox-all, overall survival"]


def test_values_sent_are_set_against_patients_times_columns(pilot):
    (row,) = exchange.training_rows(*pilot)
    assert row["ratio"] == f"{2 * 960 / (120 * 4):,.1f}"


def test_suppressed_cells_of_table_one_are_not_shown(pilot):
    groups = cohort.table_one(*pilot)["groups"]
    age = {row["label"]: row["cells"][1] for row in groups[0]["rows"]}
    assert age == {"mean (SD)": "70.1 (9.5)", "median [quartiles]": "71.0 [64.0 to 77.0]", "missing": "not shown"}
    assert groups[1]["rows"][0] == {"label": "yes", "cells": ["not shown"] * 3}


def test_table_one_of_all_sites_joins_what_the_sites_tell(tmp_path):
    """Two sites with 30 and 90 known ages; quartiles by hand from three cells of ten years, a third of the patients in each."""
    released = read_released(report_sample.write(tmp_path), report_sample.study())
    for record, n, mean in zip(released.quality.values(), (30, 90), (60.0, 80.0), strict=True):
        record["table_one"]["age"] |= {"n": n, "mean": mean, "sd": 5.0, "absent": 0}
    rows = cohort.table_one(released, Labels(report_sample.study()))["groups"][0]["rows"]
    found = {row["label"]: row["cells"][0] for row in rows}
    sd = np.sqrt((29 * 25 + 89 * 25 + 30 * 15**2 + 90 * 5**2) / 119)
    assert found["mean (SD)"] == f"75.0 ({sd:.1f})"
    assert found["median [quartiles]"] == "75.0 [67.5 to 82.5], ± 7.5"
    assert found["missing"] == "0"


def test_flow_and_endpoints_add_up(pilot):
    (row, _) = cohort.endpoint_rows(*pilot)
    assert int(row["events"]) + int(row["competing"]) + int(row["censored"]) == int(row["patients"])
    assert int(row["patients"]) + int(row["unknown"]) == int(row["records"])
    assert cohort.totals(pilot[0]) == {"records": 120, "sites": 2}


def test_the_verdict_is_said_in_words(pilot):
    (one,) = verdict_words.criteria(*pilot)
    asked = "Does the federated model rank patients as well as the pooled model, losing less than 0.01 in Uno’s C"
    assert one["question"] == f"{asked} at 2 years?"
    assert one["rule"] == "met if the lower limit lies above −0.01"


@pytest.mark.parametrize(
    ("p", "said"),
    [
        ("0.0001920228671", "two-sided p of no difference < 0.001"),
        ("0.6067864271", "two-sided p of no difference = 0.61"),
        ("identical", "identical predictions"),
        (None, None),
    ],
)
def test_a_criterions_p_is_never_nought(tmp_path, p, said):
    released = read_released(report_sample.write(tmp_path), report_sample.study())
    released.verdict["criteria"][0]["p"] = p
    (one,) = verdict_words.criteria(released, Labels(report_sample.study()))
    assert one["p"] == said


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        (["met"], "The one criterion is met."),
        (["met", "met"], "All two criteria met."),
        (
            ["met", "not met", "met"],
            "Two of three criteria met. The first that is not met: b; what comes after it in the sequence is exploratory.",
        ),
        (["met", "not assessable"], "One of two criteria met, one not assessable. The first that is not met: b."),
    ],
)
def test_the_headline_counts_and_names_the_first_that_failed(outcomes, said):
    criteria = [{"name": name, "outcome": outcome} for name, outcome in zip("abc", outcomes, strict=False)]
    assert verdict_words.headline({"criteria": criteria}) == said


def test_simulated_things_are_called_simulated(pilot):
    said = {row["what"]: row["text"] for row in verdict_words.reality(pilot[0])}
    assert said["Patients"].startswith("Simulated: invented")
    assert said["Federation"].startswith("Simulated")
    assert "internal validation" in said["Split"]


def test_a_site_of_whom_nobody_is_predicted_is_named(tmp_path):
    inputs, study = report_sample.write(tmp_path), report_sample.study()
    metrics = report_sample.metrics()
    gone = (metrics["evaluated_on"] == "south") & metrics["regime"].str.startswith("federated")
    metrics.loc[gone, ["estimate", "lower", "upper", "n", "events"]] = math.nan
    assert performance.site_table(read_released(inputs, study), Labels(study), "os")["silent"] == []
    metrics.to_csv(tmp_path / "metrics.csv", index=False)
    assert performance.site_table(read_released(inputs, study), Labels(study), "os")["silent"] == ["south"]


def test_each_sites_own_model_is_told_over_pairs_of_one_site(tmp_path):
    """Its models rank on scales of their own: neither C nor the difference over all pairs stands in the report."""
    study = report_sample.study()
    released, labels = read_released(report_sample.write(tmp_path), study), Labels(study)
    key = (released.primary["endpoint"], released.primary["model"], "local/own")
    figure = {"estimate": 0.61, "lower": 0.55, "upper": 0.67, "n": 120, "events": 60, "horizon": 5.0}
    released.figures[(*key, "uno_c_within_site", "all")] = [figure]
    rows = {row["label"]: row for row in performance.headline_table(released, labels)["rows"]}
    own = rows["Each site’s own model"]
    assert own["apart"] and own["uno_c"] == "0.610 (0.550 to 0.670)"
    assert not rows["Pooled, simulation only"]["apart"]
    drawn = differences.difference_forest(released, labels, "os").table.set_index("label")
    told = released.comparisons[
        (released.comparisons["reference_regime"] == "local/own") & (released.comparisons["estimand"] == "within-site")
    ]
    assert len(told) and math.isnan(drawn.loc["Each site’s own model", "estimate"])
    assert drawn.loc["Each site’s own model", "second_estimate"] == told["difference"].iloc[0]


def test_of_many_sites_the_single_models_are_left_to_the_tables(tmp_path):
    study = report_sample.study()
    released, labels = read_released(report_sample.write(tmp_path), study), Labels(study)
    study["sites"] = [*study["sites"], *(f"other-{k}" for k in range(6))]
    table = performance.headline_table(released, labels)
    assert table["elsewhere"] == len(study["sites"])
    assert not [row for row in table["rows"] if row["label"].startswith("Model of")]
    assert performance.site_table(released, labels, "os")["turned"]


def test_a_total_without_a_few_patients_is_marked(tmp_path):
    """A site of under a tenth of known values hides its part: the others are joined, and the cell says so; of more it is hidden."""
    released = read_released(report_sample.write(tmp_path), report_sample.study())
    north, south = released.quality.values()
    for record, n in ((north, 95), (south, 5)):
        record["records"] = n
        record["table_one"]["age"] |= {"n": n, "mean": 60.0, "sd": 5.0, "absent": 0}
    south["table_one"]["age"] |= {"mean": None, "sd": None}

    def cell():
        return cohort.table_one(released, Labels(report_sample.study()))["groups"][0]["rows"][0]["cells"][0]

    assert cell() == "≈ 60.0 (5.0)"
    south["table_one"]["age"]["n"] = 20
    assert cell() == "not shown"


def test_a_total_weighs_known_values_and_not_records(tmp_path):
    """Of 920 records 20 have a value; the 80 of the site that hides its part are most of what is known."""
    released = read_released(report_sample.write(tmp_path), report_sample.study())
    for record, n, known in zip(released.quality.values(), (920, 80), (20, 80), strict=True):
        record["records"] = n
        record["table_one"]["age"] |= {"n": known, "mean": 60.0, "sd": 5.0, "absent": n - known}
    released.quality["south"]["table_one"]["age"] |= {"mean": None, "sd": None}
    rows = cohort.table_one(released, Labels(report_sample.study()))["groups"][0]["rows"]
    assert rows[0]["cells"][0] == "not shown"


@pytest.mark.parametrize(("known", "cell"), [(95, "≈ 17 %"), (None, "at least 16")])
def test_a_count_without_a_site_is_told_as_a_share_or_a_least(known, cell):
    found = [{"type": "category", "n": known, "absent": 0, "levels": {"yes": 16}}]
    found.append({"type": "category", "n": 5, "absent": 0, "levels": {"yes": None}})
    assert total_cells(found, pd.DataFrame(), {"north": 95, "south": 5}) == [cell, "0"]


def test_thresholds_are_told_as_runs():
    grid = pd.Index([0.15, 0.16, 0.17, 0.18, 0.19, 0.2])
    assert utility_section._runs(grid, grid[[0, 2, 3, 4]]) == "15, 17 to 19 %"


def test_runs_end_at_thresholds_that_are_not_estimable(pilot):
    band = pd.DataFrame({"band_lower": [0.01, np.nan, 0.02]}, index=[0.15, 0.16, 0.17])
    text = utility_section._range_text(band, pilot[1], report_sample.DECISION, utility_section.ALL)
    assert "better at 2 of 2 thresholds (15, 17 %); where estimable nowhere worse;" in text


def test_a_loss_that_rounds_to_nought_is_not_told_as_nought(pilot):
    band = pd.DataFrame({"band_lower": [0.01, -0.0003]}, index=[0.15, 0.16])
    text = utility_section._range_text(band, pilot[1], report_sample.DECISION, utility_section.ALL)
    assert "; nowhere as much as 0.001 worse (" in text


def test_a_reason_without_columns_stands_by_itself(pilot):
    released, labels = pilot
    row = {"stage": "explain", "message_type": "worked_patient", "decision": "would refuse"}
    ledger = released.ledger.iloc[:1].assign(**row, reason="a risk tells the baseline hazard")
    (found,) = exchange.refusals(dataclasses.replace(released, ledger=ledger), labels)
    assert found["others"] == ["a risk tells the baseline hazard"]
    assert found["stages"] == ["The invented patient’s risks"]


def test_sites_of_which_the_same_is_said_share_a_heading(pilot):
    """Many by their number; who has a failed check stands alone."""
    record = pilot[0].quality["north"]
    sound = record | {"checks": [row for row in record["checks"] if row["pass"] is not False]}
    tables = checks.check_tables({f"site-{k}": sound for k in range(6)} | {"north": record, "south": record})
    assert [one["site"] for one in tables["sites"]] == ["6 sites", "north", "south"]
    assert [one["site"] for one in tables["overview"]] == ["6 sites", "north, south"]
    assert tables["overview"][0]["names"][-1] == "site-5"


def test_axes_of_rare_events_end_where_they_do():
    table = pd.DataFrame(
        {"kind": ["curve", "group"], "predicted": [0.05, 0.1], "observed": [0.06, 0.11], "upper": [0.1, 0.17]}
    )
    table["n"] = 50.0
    assert calibration_section._end(table) == 0.2
    bars = pd.DataFrame({"kind": "histogram", "predicted": [0.025, 0.275, 0.525], "n": [90.0, 9.0, 0.0]})
    assert calibration_section._end(pd.concat([table, bars])) == 0.3
    assert calibration_section._end(table.assign(upper=0.9)) == 1.0


def test_a_limit_that_rounds_to_nought_is_told_with_another_digit(tmp_path):
    study = report_sample.study()
    released = read_released(report_sample.write(tmp_path), study)
    for one in released.verdict["criteria"]:
        one |= {"estimate": 0.018, "lower": 0.00023, "upper": 0.036}
    said = [one["difference"] for one in verdict_words.criteria(released, Labels(study))]
    assert all(text.startswith("+0.0180 (+0.0002 to +0.0360)") for text in said)


@pytest.mark.parametrize(
    ("margin", "lower", "said"), [(0.05, -0.0502, "−0.0502"), (0.01, -0.00996, "−0.00996"), (0.05, -0.048, "−0.048")]
)
def test_a_limit_near_the_margin_is_told_with_the_digits_that_part_them(tmp_path, margin, lower, said):
    study = report_sample.study()
    released = read_released(report_sample.write(tmp_path), study)
    released.verdict["criteria"][0] |= {"test": "non_inferior", "margin": margin, "lower": lower}
    text = verdict_words.criteria(released, Labels(study))[0]["difference"]
    assert f"({said} to " in text


def test_a_category_that_is_left_out_is_named(tmp_path):
    released = read_released(report_sample.write(tmp_path), report_sample.study())
    labels = Labels(report_sample.study())
    (first, *_), *_ = reclassification_section.reclassification_tables(released, labels).values()
    told = [row["category"] for row in first["rows"]]
    assert first["hidden"] == []
    rows = released.reclassification
    without = dataclasses.replace(released, reclassification=rows[rows["category"] != told[-1]])
    (fewer, *_), *_ = reclassification_section.reclassification_tables(without, labels).values()
    assert fewer["hidden"] == told[-1:]


def test_what_not_all_sites_tell_is_marked_and_not_set_against_all_rows(tmp_path):
    study = report_sample.study()
    released, labels = read_released(report_sample.write(tmp_path), study), Labels(study)
    method = (released.primary["model"], released.primary["regime"])
    horizon = study["evaluate"]["horizons"]["os"][0]
    figure = {"lower": 0.9, "upper": 1.1, "events": 30, "horizon": horizon}
    for metric in ("uno_c", "uno_c_within_site"):
        released.figures[("os", *method, metric, "all")] = [figure | {"estimate": 0.7, "n": 120}]
    released.figures[("os", *method, "oe", "all")] = [figure | {"estimate": 1.0, "n": 120}]
    for n, cells in ((120, ["1.050 (0.900 to 1.100)", "+0.0500"]), (60, ["1.050 (0.900 to 1.100)‡", ""])):
        released.figures[("os", *method, "oe_within_site", "all")] = [figure | {"estimate": 1.05, "n": n}]
        rows = {row["label"]: row["cells"] for row in federated_section._rows(released, labels, "os", method)}
        assert rows[labels.metric("oe", horizon)][1:3] == cells


@pytest.mark.parametrize(("sharing", "whole"), [("public", "uno_c"), ("private", "uno_c_histogram")])
def test_a_concordance_that_not_all_sites_tell_is_marked(tmp_path, sharing, whole):
    study = report_sample.study(sharing=sharing)
    released, labels = read_released(report_sample.write(tmp_path), study), Labels(study)
    method = (released.primary["model"], released.primary["regime"])
    figure = {"estimate": 0.7, "lower": 0.6, "upper": 0.8, "events": 30, "horizon": 2.0}
    released.figures[("os", *method, whole, "all")] = [figure | {"n": 120}]
    for n, cell in ((120, "0.700 (0.600 to 0.800)"), (60, "0.700 (0.600 to 0.800)‡")):
        released.figures[("os", *method, "uno_c_within_site", "all")] = [figure | {"n": n}]
        cells = federated_section._rows(released, labels, "os", method)[0]["cells"]
        assert cell in cells
