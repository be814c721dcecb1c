"""The table that a run ends with."""

import json

import report_sample
from hemapilots.summary import record_of, summary


def record(**changes):
    quality = {site: report_sample.quality() for site in report_sample.SITES}
    made = record_of(report_sample.verdict(), report_sample.metrics(), quality, report_sample.study())
    return made | changes


def written(results, **pilots):
    for name, one in pilots.items():
        (results / name).mkdir()
        (results / name / "summary.json").write_text(json.dumps(one))
    return results


def test_a_record_holds_the_primary_figures():
    found = record()
    assert (found["patients"], found["sites"], found["met"], found["criteria"]) == (120, 2, 1, 1)
    assert found["figures"]["federated"]["estimate"] == 0.7
    assert round(found["figures"]["score"]["estimate"], 10) == 0.64
    assert found["score_label"] == "Index"


def test_patients_are_unknown_where_a_site_hides_its_count():
    hidden = {"north": report_sample.quality(), "south": report_sample.quality() | {"records": None}}
    found = record_of(report_sample.verdict(), report_sample.metrics(), hidden, report_sample.study())
    assert found["patients"] is None


def test_the_table_shows_figures_verdict_and_the_report(tmp_path):
    text = summary(written(tmp_path, toy=record()), ["toy"])
    assert ".700 .650-.750" in text
    assert "1/1" in text
    assert str(tmp_path / "toy" / "report.html") in text
    assert "Uno's C at 2 years" in text


def test_no_line_is_wider_than_110_columns(tmp_path):
    long = "a-pilot-with-a-name-that-nobody-would-choose"
    results = written(
        tmp_path, **{long: record(patients=123456, sites=1234, outcome="not assessable", met=10, criteria=12)}
    )
    table = summary(results, [long, "never-run"]).splitlines()
    assert max(len(line) for line in table if "report.html" not in line) <= 110
    assert any(line.startswith("never-run") and "no result" in line for line in table)


def test_a_figure_that_is_missing_is_a_dash(tmp_path):
    one = record()
    one["figures"]["pooled"] = None
    assert " - " in summary(written(tmp_path, toy=one), ["toy"])
