"""The statement on sample size, worked out from the sample's curves."""

import dataclasses
import math

import pytest

import report_sample
from hemapilots.report.page_templates import render
from hemapilots.report.released import read_released
from hemapilots.report.sample_size_section import sample_size_rows, sample_size_sentence
from hemapilots.report.words import Labels


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("size") / "toy"
    folder.mkdir()
    study = report_sample.study()
    return sample_size_rows(read_released(report_sample.write(folder), study), Labels(study))


def test_all_sites_and_each_alone(rows):
    assert [row["who"] for row in rows] == ["All sites: federated, pooled", "north alone", "south alone"]
    north = rows[1]
    # 60 patients; 10 + 8 + 6 + 6 events; half-years with 60, 45, 32, 26 at risk, those who leave counting half.
    years = 0.5 * (60 - 7.5 + 45 - 6.5 + 32 - 3 + 26 - 5.5)
    assert (north["patients"], north["events"], north["parameters"]) == ("60", "30", "4")
    share = 30 / 60
    largest = 1 - math.exp(2 * (share * math.log(share) - share))
    wanted = math.ceil(4 / (-0.1 * math.log(1 - 0.15 * largest / 0.9)))
    assert north["needed"]["shrinkage"] == str(wanted)
    step = math.log(1 + 0.05 * math.exp(2 * 30 / years)) / 2
    assert north["needed"]["precision"] == str(math.ceil(30 / years * (1.96 / step) ** 2 / (years / 60)))
    assert not north["enough"]


def test_the_sentence_says_what_the_first_row_holds(rows):
    text = sample_size_sentence(rows)
    assert text.startswith("120 patients with 60 events within 2 years for 4 candidate columns (15.0 events for each)")
    assert f"would have to expect: {rows[0]['shrinkage']}." in text
    assert "does not suffice" in text and sample_size_sentence([]).startswith("Not told")


def test_far_too_few_patients_are_told_of_in_words(tmp_path):
    study = report_sample.study()
    released = read_released(report_sample.write(tmp_path), study)
    for card in released.cards.values():
        card["columns"] = [f"c{k}" for k in range(20_000)]
    found = sample_size_rows(released, Labels(study))
    assert found[0]["shrinkage"] == "not told" and "would have to expect: not told." in sample_size_sentence(found)


@pytest.mark.parametrize("competing", [{}, {"os": "relapse"}])
def test_a_competing_event_is_said_to_be_ignored(rows, competing):
    study = {"evaluate": {"competing": competing}, "sharing": "private"}
    html = render(
        "sections/sample_size.html", sample_size=rows, study=study, anticipated=0.15, sample_size_sentence="Enough."
    )
    assert ("takes the cause-specific rate and ignores the competing event" in html) == bool(competing)


def test_with_late_entry_the_end_is_an_age_and_the_years_are_those_delivered(tmp_path):
    """In the north 60 at risk at age 30 and 4 x 10 who enter later, 30 events in 4 x 20 years; the south has two such cells."""
    study = report_sample.study()
    study["evaluate"]["entry"], study["harmonize"]["endpoints"]["os"]["scale"] = ["os"], "Age"
    released = read_released(report_sample.write(tmp_path), study)
    curves = released.curves.assign(entered=10.0, years=20.0)
    curves[["start", "end"]] += 30
    rows = sample_size_rows(dataclasses.replace(released, curves=curves), Labels(study))
    assert sample_size_sentence(rows).startswith("180 patients with 60 events to age 32 for 4 candidate columns")
    step = math.log(1 + 0.05 * math.exp(2 * 30 / 80)) / 2
    assert rows[1]["needed"]["precision"] == str(math.ceil(30 / 80 * (1.96 / step) ** 2 / (80 / 100)))


def test_sites_whose_counts_end_apart_are_not_given_one_end(tmp_path):
    study = report_sample.study()
    released = read_released(report_sample.write(tmp_path), study)
    curves = released.curves[(released.curves["site"] == "north") | (released.curves["end"] < 2)]
    rows = sample_size_rows(dataclasses.replace(released, curves=curves), Labels(study))
    assert " events, as far as each site’s counts go, for 4 candidate columns" in sample_size_sentence(rows)
    assert [row["reach"] for row in rows[1:]] == [" within 2 years", " within 0.5 years"]
