"""Reporting checklists: every item is filled or the author's, every named section exists, and the sentences hold the run's facts."""

import re

import pandas as pd
import pytest

import report_sample
from hemapilots.paths import RESOURCES
from hemapilots.report.checklists import CHECKLIST_COLUMNS, checklist, grouped
from hemapilots.report.facts import facts
from hemapilots.report.pages import render_report
from hemapilots.report.released import read_released
from hemapilots.report.verdict_words import invented_sites
from hemapilots.report.words import Labels
from hemapilots.study.checklists import load_checklists

# TRIPOD+AI has 27 items; those with letters as in the statement, and six on the federation.
TRIPOD = "1 2 3a 3b 3c 4 5a 5b 6a 6b 6c 7 8a 8b 8c 9a 9b 9c 10 11 12a 12b 12c 12d 12e 12f 12g 13 14 15 16 17 18a 18b 18c 18d 18e 18f 19"
TRIPOD += " 20a 20b 20c 21 22 23a 23b 24 25 26 27a 27b 27c F1 F2 F3 F4 F5 F6"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lists") / "toy"
    folder.mkdir()
    study = report_sample.study()
    inputs = report_sample.write(folder)
    render_report(inputs, study, folder / "report.html", folder / "figures", folder / "summary.json")
    return folder


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    folder = tmp_path_factory.mktemp("facts") / "toy"
    folder.mkdir()
    study = report_sample.study()
    return facts(read_released(report_sample.write(folder), study), Labels(study), "Enough.")


def test_every_item_of_tripod_stands_once():
    items = load_checklists(RESOURCES)[0]["items"]
    assert [one["item"] for one in items] == TRIPOD.split()


@pytest.mark.parametrize("name", ["tripod_ai", "probast_ai"])
def test_each_item_is_filled_or_the_authors(folder, name):
    table = pd.read_csv(folder / f"{name}.csv", keep_default_na=False)
    assert list(table.columns) == CHECKLIST_COLUMNS
    for row in table.itertuples():
        assert row.text or row.author_to_write, row.item
        assert (row.filled_by == "author") == (row.text == "")
        assert "{" not in row.text and "None" not in row.text.replace("None ", "").replace("None:", "").replace(
            "None.", ""
        )
    assert set(table["filled_by"]) >= {"run", "author"}


def test_named_sections_are_on_the_page(folder):
    page = (folder / "report.html").read_text()
    ids = set(re.findall(r'id="([\w-]+)"', page))
    tables = [pd.read_csv(folder / f"{name}.csv", keep_default_na=False) for name in ("tripod_ai", "probast_ai")]
    wanted = {section for table in tables for section in table["section"]} - {""}
    assert wanted <= ids, wanted - ids
    assert page.count("<details><summary>TRIPOD+AI") == page.count("<details><summary>PROBAST+AI") == 1


def test_sentences_hold_the_runs_facts(folder):
    table = pd.read_csv(folder / "tripod_ai.csv", keep_default_na=False).set_index("item")
    assert "cd" * 32 in table.loc["18c", "text"]
    assert table.loc["20a", "text"].startswith("120 patients, 60 events")
    assert "0.700 (0.650 to 0.750)" in table.loc["23a", "text"]
    assert table.loc["10", "text"].startswith("120 patients with 60 events within 2 years for 4 candidate")
    assert table.loc["F2", "text"].startswith("4 messages")


def test_what_turns_out_empty_is_the_authors(known):
    rows = [{"item": "x", "part": "p", "asks": "Ethics", "says": "{ethics}", "where": "cohort"}]
    assert checklist(rows, {"ethics": ""}).iloc[0][["filled_by", "author_to_write", "section"]].tolist() == [
        "author",
        "Ethics",
        "",
    ]
    with pytest.raises(KeyError):
        checklist([rows[0] | {"says": "{nothing_like_it}"}], known)


def test_counts_for_the_page():
    rows = [{"item": str(n), "part": "p", "asks": "q"} for n in range(3)]
    filled = [rows[0] | {"says": "a"}, rows[1] | {"says": "a", "author": "b"}, rows[2] | {"author": "b"}]
    found = grouped(checklist(filled, {}))
    assert (found["run"], found["both"], found["author"]) == (1, 1, 1)


def test_a_private_or_real_pilot_is_not_called_invented(tmp_path):
    folder = tmp_path / "toy"
    folder.mkdir()
    study = report_sample.study(sharing="public", citation="Somebody 2020")
    inputs = report_sample.write(folder)
    inputs["truth"] = inputs["recipe_calibration"] = []
    known = facts(read_released(inputs, study), Labels(study), "")
    assert known["ethics"] == "" and "already explored" in known["registration"]
    assert known["citation"] == "Source: Somebody 2020" and known["population"].startswith("Real")


@pytest.mark.parametrize(
    ("sharing", "split", "invented"),
    [
        ("public", {"by": "district", "sites": {}}, False),
        ("public", {"sites": {"a": 0.6}, "seed": 1}, True),
        ("synthetic", None, True),
        ("private", None, False),
    ],
)
def test_sites_of_the_real_world_are_not_called_simulated(sharing, split, invented):
    assert invented_sites({"sharing": sharing, "split": split}) == invented


def test_a_rule_of_inclusion_that_nothing_delivered_could_tell_is_said_to_be_unchecked(tmp_path):
    study = report_sample.study()
    released = read_released(report_sample.write(tmp_path), study)
    steps = [{"label": "Adults"}]
    for record in released.quality.values():
        record["flow"] = [*record["flow"], *steps]
    study["harmonize"]["inclusion"] = [{"label": "Adults"}, {"label": "Consent"}]
    text = facts(released, Labels(study), "")["inclusion"]
    assert text == "Included where: Adults. Not checked, since nothing that tells it was delivered: Consent."


def test_a_rule_of_inclusion_that_some_sites_could_check_names_them(tmp_path):
    study = report_sample.study()
    released = read_released(report_sample.write(tmp_path), study)
    released.quality["north"]["flow"].append({"label": "Consent"})
    study["harmonize"]["inclusion"] = [{"label": "Consent"}]
    assert facts(released, Labels(study), "")["inclusion"] == "Included where: Consent (checked at north alone)."
    released.source_flow.append({"label": "Consent"})
    assert facts(released, Labels(study), "")["inclusion"] == "Included where: Consent."
