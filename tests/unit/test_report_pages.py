"""A report and the index as pages: offline, escaped, complete, the same bytes on every run."""

import re

import pytest

import report_sample
from hemapilots.report.figures import forest
from hemapilots.report.index import records_in, render_index
from hemapilots.report.pages import render_report

ROWS = [
    {"label": "A & <b>", "estimate": 0.7, "lower": 0.6, "upper": 0.8, "text": "0.7", "colour": "#000000", "marker": "o"}
]


def rendered(folder, study=None):
    inputs = report_sample.write(folder)
    render_report(
        inputs, study or report_sample.study(), folder / "report.html", folder / "figures", folder / "summary.json"
    )
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("results") / "toy"
    made.mkdir()
    rendered(made)
    return made


@pytest.fixture(scope="module")
def page(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


def test_the_page_asks_nothing_of_the_network(page):
    addresses = set(re.findall(r"https?://[^\s\"'<)]+", page))
    assert addresses == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert not re.search(r"<(script|link|img|iframe)\b|@import|url\((?!#)", page)


def test_text_from_data_is_escaped(page):
    assert "<script>alert" not in page
    assert "Toy &lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<i>KRAS</i>" not in page


def test_every_section_is_there_and_linked(page):
    wanted = "verdict headline cohort table-one quality survival regimes differences sites horizons model truth recipe"
    for name in [*wanted.split(), "exchange", "protocol", "methods", "provenance"]:
        assert f'<section id="{name}">' in page
        assert f'href="#{name}"' in page


def test_every_figure_stands_on_the_page_and_has_its_table(folder, page):
    names = sorted(path.stem for path in (folder / "figures").glob("*.svg"))
    assert names == sorted(path.stem for path in (folder / "figures").glob("*.csv"))
    assert set(names) == {
        "kaplan_meier_os",
        "kaplan_meier_os_by_site",
        "regimes_os",
        "differences_os",
        "sites_os",
        "across_uno_c_os",
        "coefficients_os",
        "truth_os",
        "calibration_os_2_by_site",
        "decision_act",
        "subgroups_os",
        "importance_os",
        "survshap_os",
        "sensitivity",
    }
    assert page.count("<svg") == len(names)


def test_what_the_recipe_gives_stands_beside_what_it_should(page):
    assert "Of 1 that must be met, 1 are; of 1 published ones that are only shown, 0 lie" in page
    assert page.count('<th colspan="5">paper (published, shown only)</th>') == 2
    assert page.count('<th class="wrap">Stage: III</th>') == 2 and page.count('<th class="wrap">Age: median</th>') == 1
    assert '<td class="n">0.200</td><td class="n">0.310</td><td class="n">0.040</td><td>no</td>' in page


def test_ids_are_unique_on_the_page(page):
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    used = set(re.findall(r"url\(#([^)]+)\)", page)) | set(re.findall(r'xlink:href="#([^"]+)"', page))
    assert used <= set(ids)


def test_the_same_inputs_give_the_same_bytes(tmp_path, page):
    (tmp_path / "toy").mkdir()
    assert rendered(tmp_path / "toy") == page


def test_a_private_pilot_has_real_patients_and_no_known_truth(tmp_path):
    study = report_sample.study(sharing="private")
    inputs = report_sample.write(tmp_path)
    inputs["models"] = [path for path in inputs["models"] if path.name == "a"]
    inputs["truth"] = inputs["recipe_calibration"] = []
    render_report(inputs, study, tmp_path / "report.html", tmp_path / "figures", tmp_path / "summary.json")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert '<section id="truth">' not in page and '<section id="recipe">' not in page
    assert "the sites’ own patients" in page
    # A local model is judged at its own site only, on other patients than the rest of the table.
    assert "Model of north" not in page


def test_criteria_without_a_reference_are_shown(tmp_path, monkeypatch):
    protocol, verdict = report_sample.protocol(), report_sample.verdict()
    alone = {"name": "risks come true", "against": {"model": None, "regime": None}, "sequence": "exploratory"}
    part = {"horizon": 2.0, "ici": 0.03, "sites_right": 1, "sites": 2, "sites_assessed": 2}
    verdict["criteria"] += [
        alone | {"test": "calibrated", "margin": 0.05, "outcome": "met", "parts": [part]},
        dict.fromkeys(("estimate", "lower", "upper"))
        | alone
        | {"name": "beats the bar", "test": "superior", "outcome": "not assessable", "reason": "no bar"},
    ]
    for one in verdict["criteria"][1:]:
        protocol["protocol"]["criteria"].append({"name": one["name"], "test": one["test"], "margin": 0.05})
    monkeypatch.setattr(report_sample, "protocol", lambda: protocol)
    monkeypatch.setattr(report_sample, "verdict", lambda: verdict)
    page = rendered(tmp_path)
    assert "rank patients better than the score to beat?" in page
    assert "t 2 years ICI 0.03" in page


def test_a_failed_run_leaves_the_last_page(tmp_path):
    before = rendered(tmp_path)
    broken = report_sample.study()
    del broken["title"]
    with pytest.raises(KeyError, match="title"):
        render_report(
            report_sample.inputs_of(tmp_path),
            broken,
            tmp_path / "report.html",
            tmp_path / "figures",
            tmp_path / "summary.json",
        )
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == before


def test_what_sites_give_alone_stands_beside_all_rows(page):
    section = re.search(r'<section id="federated">.*?</section>', page, re.S)[0]
    assert section.count("−0.0100") == 2  # C 0.69 in both forms, 0.70 of all rows
    assert "at 1 thresholds that are edges of risk, lies at most 0.0025 from" in section


def test_the_average_over_sites_stands_with_the_interval_for_the_next(page, folder):
    section = re.search(r'<section id="across">.*?</section>', page, re.S)[0]
    assert "0.690 <span" in section and "0.550 to 0.810" in section
    table = (folder / "figures" / "across_uno_c_os.csv").read_text()
    assert "north" in table and "Average over sites,0.69" in table and "Next site,0.69,0.55,0.81" in table


def test_stability_of_single_predictions_is_told(page):
    section = re.search(r'<section id="instability">.*?</section>', page, re.S)[0]
    assert "0.032 <span" in section and "20 %" in section and "0.114" in section
    assert "these figures are a lower bound of the instability" in section


def test_an_interval_that_includes_refitting_says_what_refits_keep(tmp_path, monkeypatch):
    verdict = report_sample.verdict()
    verdict["primary_estimate"] |= {"refits": 20, "refit_lower": 0.6, "refit_upper": 0.8}
    monkeypatch.setattr(report_sample, "verdict", lambda: verdict)
    assert "(20 refits): 0.600 to 0.800. Refits keep the penalty, the number of rounds and the columns" in rendered(
        tmp_path
    )


def test_labels_in_figures_are_escaped_and_long_ones_folded():
    drawn = forest(
        [*ROWS, ROWS[0] | {"label": "a label that is far too long for one line of it"}], "toy", 'A "title"', "C"
    )
    assert "A &amp; &lt;b&gt;" in drawn.svg
    assert "far too long for one line" not in drawn.svg
    assert list(drawn.table["estimate"]) == [0.7, 0.7]


def test_the_index_lists_this_run_first_and_keeps_earlier_pilots(folder):
    results = folder.parent
    (results / "older").mkdir(exist_ok=True)
    text = (folder / "summary.json").read_text().replace('"pilot": "toy"', '"pilot": "older"')
    (results / "older" / "summary.json").write_text(text)
    found = records_in(results, ["toy", "not-run-yet"])
    assert [(one["folder"], one["earlier"]) for one in found] == [("toy", False), ("older", True)]
    render_index(results, ["toy"], results / "index.html")
    page = (results / "index.html").read_text(encoding="utf-8")
    assert 'href="toy/report.html"' in page
    assert "of an earlier run" in page
    assert "<script>" not in page


def test_an_index_without_results_says_so(tmp_path):
    render_index(tmp_path, ["toy"], tmp_path / "index.html")
    assert "No pilot has results yet." in (tmp_path / "index.html").read_text(encoding="utf-8")
