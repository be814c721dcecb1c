"""The split in time on the page, and the sentence where there is none."""

import json

import pytest
import yaml

import report_sample
from hemapilots.report.pages import render_report
from hemapilots.report.periods_section import period_tables, temporal_sentence
from hemapilots.report.released import read_released
from hemapilots.report.verdict_words import reality
from hemapilots.report.words import Labels


def parts(earlier, later, unknown):
    keys = ("earlier", "later", "unknown")
    return {key: {"patients": n, "events": d} for key, (n, d) in zip(keys, (earlier, later, unknown), strict=True)}


def write(folder, south=(20, 10), **resampling):
    folder.mkdir()
    inputs = report_sample.write(folder)
    protocol = report_sample.protocol()
    protocol["protocol"]["resampling"] |= {"replicates": 1} | resampling
    (folder / "protocol.yaml").write_text(yaml.safe_dump(protocol))
    agreed = json.loads((folder / "columns.json").read_text())
    sites = {"north": parts((40, 22), (18, 8), (2, 0)), "south": parts((40, 20), south, (0, 0))}
    (folder / "columns.json").write_text(json.dumps(agreed | {"periods": {"os": sites}}))
    return inputs


@pytest.fixture
def inputs(tmp_path):
    return write(tmp_path / "toy", judge_from=2010)


def test_both_sides_are_counted_by_site_and_in_all(inputs):
    released = read_released(inputs, report_sample.study())
    found = period_tables(released, Labels(report_sample.study()))
    (table,) = found["tables"]
    assert table["rows"] == [
        {"who": "north", "cells": ["40 (22)", "18 (8)", "2 (0)"]},
        {"who": "south", "cells": ["40 (20)", "20 (10)", "0 (0)"]},
        {"who": "All sites", "cells": ["80 (42)", "38 (18)", "2 (0)"]},
    ]
    assert "before 2010 (patients: 80, with the event: 42)" in found["sentence"]
    assert "from 2010 on (patients: 38, with the event: 18)" in found["sentence"]


def test_a_hidden_count_hides_its_sum(tmp_path):
    released = read_released(write(tmp_path / "toy", south=(20, None), judge_from=2010), report_sample.study())
    rows = period_tables(released, Labels(report_sample.study()))["tables"][0]["rows"]
    assert rows[-1]["cells"][:2] == ["80 (42)", "38 (not shown)"]


def test_the_page_says_how_patients_were_split(inputs, tmp_path):
    study = report_sample.study()
    render_report(inputs, study, tmp_path / "report.html", tmp_path / "figures", tmp_path / "summary.json")
    page = (tmp_path / "report.html").read_text()
    assert '<section id="periods">' in page and "From 2010 on, judged" in page
    assert "no model that is judged here was fitted on a later patient; the final model" in page
    assert "cross-validation" not in reality(read_released(inputs, study))[2]["text"]
    tripod = (tmp_path / "tripod_ai.csv").read_text()
    assert "Calendar time. Split in time: models learned" in tripod and "the same patients in turn" not in tripod


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        ({"variable": None, "undated": []}, "the use case knows no index year"),
        ({"variable": "y", "undated": ["north-files"]}, "no index dates are delivered by north-files"),
        ({"variable": "y", "undated": []}, "the protocol judges by folds"),
    ],
)
def test_where_there_is_none_the_report_says_why(tmp_path, dates, said):
    study = report_sample.study(dates=dates)
    inputs = write(tmp_path / "toy")
    released = read_released(inputs, study)
    assert period_tables(released, Labels(study)) is None
    assert said in temporal_sentence(released) and said in reality(released)[2]["text"]
    render_report(inputs, study, tmp_path / "report.html", tmp_path / "figures", tmp_path / "summary.json")
    page = (tmp_path / "report.html").read_text()
    assert said in page and '<section id="periods">' not in page
    assert said in (tmp_path / "tripod_ai.csv").read_text()
