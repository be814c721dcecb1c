"""The leakage check in a report: a line where it passes, a warning beside the verdict where a predictor gives the outcome away."""

import json

import pytest

import report_sample
from hemapilots.report.pages import render_report


def page(folder, **checked):
    inputs = report_sample.write(folder)
    path = inputs["columns"][0]
    path.write_text(json.dumps(json.loads(path.read_text()) | checked))
    render_report(inputs, report_sample.study(), folder / "report.html", folder / "figures", folder / "summary.json")
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("leaks", [[], [{"endpoint": "os", "column": "age", "sites": ["north", "south"]}]])
def test_the_check_is_told_in_a_sentence(tmp_path, leaks):
    html = page(tmp_path, leakage=leaks)
    assert ("Passed where it could be assessed (overall survival at north)" in html) == (not leaks)
    assert html.count("Age alone tells overall survival near perfectly at north, south") == 2 * len(leaks)
    assert ("The leakage check failed:" in html) == bool(leaks)
    assert "fewer than 20 patients with the event, or without it, have a known value: " in html
    assert "overall survival at north for Sex: M; overall survival at south." in html


def test_what_no_site_could_assess_has_not_passed(tmp_path):
    nothing = {"os": {site: {"age": False} for site in ("north", "south")}}
    html = page(tmp_path, leakage_assessed=nothing)
    assert "<b>Not assessable:</b> no site has patients enough" in html and "Passed where" not in html
