"""Dates: formats, the order of day and month, partial dates, day numbers, codes, and what is none."""

import time
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.reading.dates import parse_dates

WHERE = 'mapping clinic, variables.diagnosis_date: column "Datum"'
EPOCH = date(1970, 1, 1)


def parse(texts, *formats, **more):
    return parse_dates(pd.Categorical(texts), formats, WHERE, **more)


def shown(done):
    return [None if np.isnan(value) else str(EPOCH + timedelta(days=value)) for value in done.values]


def said(done):
    return [(f.status, f.reason, f.cells.tolist()) for f in done.findings]


@pytest.mark.parametrize(
    "text",
    [
        "2019-05-03",
        "2019/05/03",
        "2019.05.03",
        "2019-5-3",
        "20190503",
        "2019-05-03T10:20:30Z",
        "2019-05-03T23:59:59.123+02:00",
        "2019-05-03 00:00:00",
        "201905031430",
        "20190503143000+0200",
        "3 May 2019",
        "03-May-2019",
        "03MAY2019",
        "3. Mai 2019",
        "3 mai 2019",
        "3 de mayo de 2019",
        "3 maggio 2019",
        "3 Μαΐου 2019",
        "3 de maio de 2019",
        "3 mei 2019",
        "May 3, 2019",
    ],
)
def test_dates_that_need_no_declaration(text):
    done = parse([text, None])
    assert shown(done) == ["2019-05-03", None] and said(done) == [("null", "missing", [1])]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("DD.MM.YYYY", "03.05.2019"),
        ("DD.MM.YYYY", "3.5.2019"),
        ("DD.MM.YYYY", "03.05.2019 12:30"),
        ("MM/DD/YYYY", "05/03/2019"),
        ("DD-MM-YYYY", "03-05-2019"),
        ("DDMMYYYY", "03052019"),
        ("YYYYMMDD", "20190503"),
        ("YYYY/DD/MM", "2019/03/05"),
        ("DD MM YYYY", "03 05 2019"),
        ("DD.MM.YYYY", "2019-05-03"),
    ],
)
def test_declared_formats(form, text):
    assert shown(parse([text], form)) == ["2019-05-03"]


def test_other_orders_than_the_declared_one_are_no_dates():
    done = parse(["03.05.2019", "03/05/2019", "31.02.2019", "05-03-2019"], "DD.MM.YYYY")
    assert shown(done) == ["2019-05-03", None, None, None]
    assert said(done) == [("null", "date_invalid", [1, 2, 3])]


def test_several_formats():
    assert shown(parse(["03.05.2019", "05/03/2019"], "DD.MM.YYYY", "MM/DD/YYYY")) == ["2019-05-03"] * 2
    assert shown(parse(["05/2019", "03/05/2019"], "DD/MM/YYYY", "MM/YYYY")) == ["2019-05-15", "2019-05-03"]
    assert shown(parse(["25/05/2019", "99/99/2019"], "DD/MM/YYYY", "MM/DD/YYYY")) == ["2019-05-25", None]
    with pytest.raises(HemaPilotsError, match="fit two of the declared"):
        parse(["03/05/2019"], "DD/MM/YYYY", "MM/DD/YYYY")


def test_an_order_that_nothing_proves_is_refused():
    with pytest.raises(HemaPilotsError) as error:
        parse(["03/04/2019", "05/06/2020"])
    assert WHERE in str(error.value) and "ambiguous date format" in str(error.value) and "declare" in str(error.value)
    assert "2019" not in str(error.value)
    with pytest.raises(HemaPilotsError, match="in others the month"):
        parse(["25/04/2019", "04/25/2019", "03/04/2019"])
    assert shown(parse(["03/03/2019"])) == ["2019-03-03"]


@pytest.mark.parametrize(
    ("proof", "expected"), [("25/04/2019 26/04/2019", "2019-04-03"), ("04/25/2019 04/26/2019", "2019-03-04")]
)
def test_an_order_that_the_column_proves_is_recorded(proof, expected):
    done = parse(["03/04/2019", *proof.split(), "2019-01-01"])
    assert shown(done)[0] == expected
    assert said(done) == [("inferred", "form_inferred", [0, 1, 2])] and done.findings[0].whole
    once = proof.split()[0]
    for texts in (["03/04/2019", once], ["03/04/2019", once, f"{once} ", once]):
        with pytest.raises(HemaPilotsError, match="fewer than 2 different dates"):
            parse(texts)
    assert shown(parse([once, "04/04/2019"])) == ["2019-04-25", "2019-04-04"]


def test_day_numbers_of_spreadsheets():
    done = parse(["43586", "43587.5", None, "60000"])
    assert shown(done) == ["2019-05-01", "2019-05-02", None, "2064-04-08"]
    assert said(done) == [("null", "missing", [2]), ("inferred", "form_inferred", [0, 1, 3])]
    done = parse(["43586", "2019-05-02"])
    assert shown(done) == [None, "2019-05-02"] and said(done) == [("null", "date_invalid", [0])]
    assert said(parse(["43586", "99999"])) == [("null", "date_invalid", [0, 1])]
    assert shown(parse(["43586", "99999"], sentinels=[99999])) == ["2019-05-01", None]


def test_partial_dates():
    done = parse(["06/2017", "2017-06", "06.2017", "2017", "Juni 2017", "2017-06-02"])
    assert shown(done) == ["2017-06-15"] * 3 + ["2017-07-01", "2017-06-15", "2017-06-02"]
    assert said(done) == [("flagged", "date_partial", [0, 1, 2, 3, 4])]


def test_dates_that_stand_for_unknown():
    raw = ["1900-01-01", "9999-12-31", "01.01.1800", "1899-12-30", "9999", "0001-01-01", "2999-12-31", "2099-12-31"]
    done = parse([*raw, "2019-05-03"], "DD.MM.YYYY")
    assert shown(done) == [None] * 8 + ["2019-05-03"]
    assert said(done) == [("null", "sentinel", list(range(8)))]
    assert shown(parse(["31 December 2099", "30 December 2099"])) == [None, "2099-12-30"]


def test_what_is_no_date():
    raw = [
        "2019-13-04",
        "31.02.2018",
        "0000-00-00",
        "2-Mar",
        "03.05.19",
        "gestern",
        "2109-05-03",
        "1850-05-03",
        "2019-02-29",
    ]
    done = parse([*raw, "2020-02-29"], "DD.MM.YYYY")
    assert shown(done) == [None] * 9 + ["2020-02-29"]
    assert said(done) == [("null", "date_invalid", list(range(9)))]


def test_words_and_codes_for_missing():
    done = parse(["k.A.", "unbekannt", "nicht gemacht", "x", "2019-05-03"], codes={"": "missing", "x": "not_done"})
    assert said(done) == [("null", "missing", [0, 1]), ("null", "not_done", [2, 3])]


def test_names_of_months_take_time_in_proportion():
    texts = [
        f"{day} {month} {year}"
        for year in range(1950, 2080)
        for month in ("May", "Juni", "août")
        for day in range(1, 29)
    ]
    start = time.perf_counter()
    done = parse([*texts, "Mai 2019"])
    assert time.perf_counter() - start < 2 and not np.isnan(done.values).any()
    assert said(done) == [("flagged", "date_partial", [len(texts)])]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.dates(date(1901, 1, 2), date(2099, 12, 30)), min_size=1, max_size=10))
def test_every_day_comes_back_from_every_format(days):
    for form, spelled in (
        ("DD.MM.YYYY", "%d.%m.%Y"),
        ("MM/DD/YYYY", "%m/%d/%Y"),
        ("DD-MM-YYYY", "%d-%m-%Y"),
        (None, "%Y-%m-%d"),
    ):
        done = parse([day.strftime(spelled) for day in days], *([form] if form else []))
        assert shown(done) == [day.isoformat() for day in days] and not done.findings


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(alphabet="0123456789-/.: TZMaiJun", max_size=12), min_size=1, max_size=6))
def test_no_text_becomes_a_date_silently(texts):
    try:
        done = parse(texts)
    except HemaPilotsError as error:
        assert "ambiguous" in str(error)
        return
    nulls = np.zeros(len(texts), dtype=int)
    for finding in done.findings:
        nulls[finding.cells] += finding.status == "null"
    np.testing.assert_array_equal(nulls, np.isnan(done.values))
