"""Times and events from dates, their order, the lock, and the reasons where there are none."""

from copy import deepcopy

import numpy as np
import pytest

from dirty import DATED, run
from hemapilots.errors import HemaPilotsError

DATE = {"type": "date", "known_at": "outcome"}
YEARS = {"type": "number", "unit": "a", "hard": [0, 60], "known_at": "outcome"}
VARIABLES = {
    "birth": {"type": "date"},
    "index": {"type": "date"},
    "contact": DATE,
    "death": DATE,
    "relapse": DATE,
    "graft": DATE,
    "vital": {"type": "category", "levels": ["alive", "dead", "lost"], "known_at": "outcome"},
    "relapsed": {"type": "flag", "known_at": "outcome"},
    **dict.fromkeys(("os_years", "efs_years", "ci_years"), YEARS),
    "os_status": {"type": "flag", "known_at": "outcome"},
    "efs_status": {"type": "flag", "known_at": "outcome"},
    "ci_status": {"type": "number", "unit": "1", "known_at": "outcome"},
}
USE_CASE = {
    "follow_up": {
        "index": "index",
        **DATED,
        "outcomes": {
            "os": {"time": "os_years", "status": "os_status", "events": ["death"]},
            "efs": {
                "time": "efs_years",
                "status": "efs_status",
                "events": ["relapse", "death"],
                "known": "relapsed",
            },
            "ci": {"time": "ci_years", "status": "ci_status", "events": ["relapse"], "competing": ["death", "graft"]},
        },
    },
    "endpoints": {
        "os": {"label": "Overall", "time": "os_years", "event": "os_status"},
        "efs": {"label": "Event-free", "time": "efs_years", "event": "efs_status", "not_after": "os"},
        "ci": {"label": "Relapse", "time": "ci_years", "event": "ci_status", "competing": "Death or graft"},
    },
    "primary_endpoint": "os",
}
HEAD = ("birth", "index", "contact", "death", "relapse", "graft", "vital", "relapsed")
# A patient without anything odd, whom no test may lose.
PLAIN = ("1950-01-01", "2020-01-01", "2022-01-01", "", "", "", "alive", "0")
MAPPING = {"variables": {"vital": {"column": "vital", "values": {name: name for name in ("alive", "dead", "lost")}}}}


def follow(tmp_path, *patients, lock=None, mapping=None, head=HEAD):
    """Harmonizes patients given as dicts of what differs from PLAIN; PLAIN is the last row."""
    rows = [{**dict(zip(HEAD, PLAIN, strict=True)), **patient} for patient in (*patients, {})]
    columns = {name: [row[name] for row in rows] for name in head}
    mapping = {**MAPPING, **({"lock": lock} if lock else {}), **(mapping or {})}
    files = {"files": {"main": {"date_format": ["YYYY-MM-DD", "YYYY-MM", "YYYY"]}}}
    return run(tmp_path, columns, VARIABLES, files | mapping, USE_CASE)


def years(start, stop):
    return (np.datetime64(stop) - np.datetime64(start)).astype(int) / 365.25


def test_death_and_last_contact_give_times_and_events(tmp_path):
    out = follow(
        tmp_path,
        {"death": "2021-01-01", "vital": "dead", "contact": "2020-12-01"},
        {"vital": "lost", "contact": "2020-07-01"},
    )
    assert out.values("os_years") == [years("2020-01-01", day) for day in ("2021-01-01", "2020-07-01", "2022-01-01")]
    assert out.values("os_status") == [1, 0, 0]
    assert out.values("os_time") == out.values("os_years")
    assert "birth" not in out.harmonized and "index" not in out.harmonized
    assert out.said("os_years", None) == [("mapped", None)]


def test_the_first_of_events_and_competing_events_counts(tmp_path):
    out = follow(
        tmp_path,
        {"relapse": "2020-06-01", "death": "2021-01-01", "vital": "dead", "contact": "2021-01-01", "relapsed": "1"},
        {"graft": "2020-03-01", "relapse": "2020-06-01", "relapsed": "1"},
        {"graft": "2020-06-01", "relapse": "2020-06-01", "relapsed": "1"},
        {"death": "2021-01-01", "vital": "dead", "contact": "2021-01-01"},
    )
    assert out.values("efs_status") == [1, 1, 1, 1, 0]
    assert out.values("ci_status") == [1, 2, 1, 2, 0]
    assert out.value("ci_years", 1) == years("2020-01-01", "2020-03-01")
    assert out.value("efs_years", 1) == years("2020-01-01", "2020-06-01")


def test_a_single_date_out_of_order_leaves_the_outcomes_unknown(tmp_path):
    out = follow(
        tmp_path,
        {"contact": "2019-06-01"},
        {"birth": "2020-06-01"},
        {"relapse": "2019-06-01", "relapsed": "1"},
        {"relapse": "2021-06-01", "death": "2021-01-01", "contact": "2020-06-01", "vital": "dead", "relapsed": "1"},
    )
    assert out.values("os_years")[:2] == [None, None] and out.said("os_years", 0) == [("null", "date_order")]
    assert ("flagged", "date_order") in out.said("contact", 0) and ("flagged", "date_order") in out.said("index", 1)
    # The date of the relapse concerns the outcomes that rest on it only.
    assert out.value("os_status", 2) == 0 and out.value("efs_status", 2) is None and out.value("ci_status", 2) is None
    assert out.value("os_status", 3) == 1 and out.said("efs_status", 3) == [("null", "date_order")]


def test_more_than_one_error_of_order_rejects_the_record(tmp_path):
    out = follow(tmp_path, {"contact": "2019-06-01", "birth": "2020-06-01"})
    assert out.rows == [1]
    assert out.said("follow_up") == [("rejected", "date_order")]
    step = out.flow["steps"][-1]
    assert step["step"] == "follow_up" and step["lost"] == 1 and step["reason"] == "date_order"


@pytest.mark.parametrize(
    ("patient", "reason"),
    [
        ({"vital": "lost", "contact": ""}, "missing"),
        ({"vital": "", "contact": ""}, "missing"),
        ({"vital": "dead"}, "missing"),
        ({"index": ""}, "missing"),
        ({"vital": "dead", "death": "2021-01-01"}, "contradiction"),
    ],
)
def test_outcomes_that_cannot_be_known_are_not_made_up(tmp_path, patient, reason):
    out = follow(tmp_path, patient)
    assert out.value("os_years") is None and out.value("os_event") is None
    assert out.count("os_years", "null", reason) == 1


def test_an_unknown_flag_leaves_only_its_outcome_unknown(tmp_path):
    dated = {"relapse": "2021-01-01", "relapsed": ""}
    out = follow(tmp_path, {"relapsed": ""}, {"relapsed": "1"}, dated)
    for row in (0, 1):
        assert (out.value("os_status", row), out.value("efs_status", row), out.value("ci_status", row)) == (0, None, 0)
    assert out.value("efs_status", 2) == 1


def test_a_date_of_death_outweighs_the_status(tmp_path):
    out = follow(tmp_path, {"death": "2022-06-01", "vital": "alive"})
    assert out.value("vital") == "dead" and out.said("vital") == [("flagged", "contradiction")]
    assert out.value("os_status") == 1 and out.value("os_years") == years("2020-01-01", "2022-06-01")


def test_what_comes_after_the_lock_is_censored_there(tmp_path):
    late = {"death": "2022-06-01", "vital": "dead"}
    out = follow(tmp_path, late, lock="2021-01-01")
    assert out.values("os_years") == [years("2020-01-01", "2021-01-01")] * 2 and out.values("os_status") == [0, 0]
    assert ("flagged", "after_lock") in out.said("os_status") and out.said("os_status", 1) == []
    lines = {line["reason"]: line for line in out.flow["endpoints"]["os"]["lines"]}
    assert lines["after_lock"]["events_lost"] == 1 and lines["after_lock"]["patients_lost"] == 0


def test_a_partial_date_near_the_index_date_is_no_date_of_an_event(tmp_path):
    out = follow(
        tmp_path,
        {"death": "2020-02", "vital": "dead", "contact": "2020-01-20"},
        {"death": "2021-02", "vital": "dead", "contact": "2020-01-20"},
    )
    assert out.value("os_years", 0) is None and ("null", "date_partial") in out.said("os_years", 0)
    assert out.value("os_years", 1) == years("2020-01-01", "2021-02-15")


def test_a_death_on_the_index_date_keeps_half_a_day(tmp_path):
    out = follow(tmp_path, {"death": "2020-01-01", "contact": "2020-01-01", "vital": "dead"})
    assert out.value("os_time") == 0.5 / 365.25
    assert out.flow["endpoints"]["os"]["zero_time"] == 1 and out.said("os_time") == [("flagged", "zero_time")]


def test_a_relapse_after_the_last_contact_is_a_later_contact(tmp_path):
    out = follow(tmp_path, {"contact": "2020-02-01", "relapse": "2020-06-01", "relapsed": "1"})
    assert out.value("os_years") == out.value("efs_years") == years("2020-01-01", "2020-06-01")
    assert ("flagged", "date_order") in out.said("contact")
    assert out.value("efs_event") == 1


def test_delivered_times_stand_and_are_compared_as_a_pair(tmp_path):
    rows = [dict(zip(HEAD, PLAIN, strict=True))] * 4
    columns = {name: [row[name] for row in rows] for name in HEAD}
    columns |= {"os_years": ["2.02", "1", "1", ""], "os_status": ["0", "0", "", "1"]}
    out = run(tmp_path, columns, VARIABLES, MAPPING, USE_CASE)
    two = years("2020-01-01", "2022-01-01")
    assert out.values("os_years") == [2.02, 1, two, two] and out.values("os_status") == [0, 0, 0, 0]
    assert out.said("os_years", 0) == [] and out.said("os_years", 1) == [("flagged", "contradiction")]
    assert out.said("os_status", 3) == [("flagged", "contradiction")]


def test_without_the_dates_the_delivered_times_are_used(tmp_path):
    columns = {"os_years": ["1", "2"], "os_status": ["0", "1"], "efs_years": ["1", "1"], "efs_status": ["0", "1"]}
    columns |= {"ci_years": ["1", "1"], "ci_status": ["0", "2"]}
    out = run(tmp_path, columns, VARIABLES, {}, USE_CASE)
    assert out.values("os_time") == [1, 2] and out.values("ci_event") == [0, 2]
    assert out.flow["reconciliation"] == {}


def test_deaths_delivered_are_reconciled_with_the_endpoint_table(tmp_path):
    dead = {"vital": "dead", "death": "2021-01-01", "contact": "2020-12-01"}
    out = follow(
        tmp_path,
        dead,
        {"vital": "dead"},
        {**dead, "contact": "2021-06-01"},
        {**dead, "birth": "2020-06-01", "contact": "2019-01-01"},
        {**dead, "death": "2025-01-01"},
        {**dead, "index": ""},
        lock="2024-01-01",
    )
    record = out.flow["reconciliation"]["os"]
    assert record["delivered"] == 6 and record["counted"] == out.flow["endpoints"]["os"]["events"] == 1
    assert record["delivered"] + sum(line["count"] for line in record["lines"]) == record["counted"]
    by_reason = {}
    for line in record["lines"]:
        by_reason[line["reason"]] = by_reason.get(line["reason"], 0) + line["count"]
    assert by_reason["missing"] == -2 and by_reason["contradiction"] == -1
    assert by_reason["date_order"] == -1 and by_reason["after_lock"] == -1
    assert list(out.flow["reconciliation"]) == ["os"]


def test_an_event_on_a_day_that_cannot_be_read_leaves_its_outcomes_unknown(tmp_path):
    unread = {"relapse": "2021-02-30", "relapsed": "1"}
    out = follow(tmp_path, unread, {**unread, "death": "2022-02-01", "vital": "dead"}, {"relapse": "2021-03-01"})
    assert out.values("efs_years")[:2] == out.values("ci_status")[:2] == [None, None]
    assert out.said("efs_years", 0) == [("null", "date_invalid")]
    # The death of the second is known.
    assert out.value("os_status", 1) == 1 and out.value("efs_status", 2) == 1
    line = next(line for line in out.flow["endpoints"]["ci"]["lines"] if line["reason"] == "date_invalid")
    assert (line["patients_lost"], line["events_lost"]) == (2, 2)


@pytest.mark.parametrize("text", ["2021-02-30", "0000-00-00", "soon", "2021-13-01", "44600"])
def test_a_date_that_is_not_understood_is_never_no_event(tmp_path, text):
    """Of an event and of a competing one; of the death whatever the status says."""
    out = follow(
        tmp_path,
        {"relapse": text},
        {"graft": text},
        {"death": text},
        {"death": text, "vital": "dead"},
        {"death": text, "vital": ""},
        {"relapse": "2021-05-01", "graft": "2021-06-01", "death": "2021-07-01", "contact": "2021-06-01"},
    )
    assert out.values("os_status") == [0, 0, None, None, None, 1, 0]
    assert out.values("efs_status") == [None, 0, None, None, None, 1, 0]
    assert out.values("ci_status") == [None, None, None, None, None, 1, 0]
    assert out.said("ci_status", 1) == out.said("os_status", 2) == [("null", "date_invalid")]
    assert out.said("os_years", 3) == out.said("os_years", 4) == [("null", "date_invalid")]
    for name in ("os", "efs", "ci"):
        lines = out.flow["endpoints"][name]["lines"]
        lost = sum(line["events_lost"] for line in lines)
        assert lines[0]["events_in"] - lost == out.flow["endpoints"][name]["events"] == 1
        assert sum(line["patients_lost"] for line in lines if line["reason"] == "date_invalid") > 0


@pytest.mark.parametrize("text", ["", "NA", "n.d.", "9999-12-31", "1900-01-01", "-"])
def test_a_sentinel_or_a_word_for_missing_is_no_date(tmp_path, text):
    out = follow(tmp_path, {"relapse": text, "death": text, "graft": text})
    assert (out.value("os_status"), out.value("efs_status"), out.value("ci_status")) == (0, 0, 0)


def test_without_a_status_a_death_on_an_unknown_day_is_a_death(tmp_path):
    head = tuple(name for name in HEAD if name != "vital")
    dead = {"death": "2021-02-28", "contact": "2021-02-01"}
    out = follow(tmp_path, {"death": "2021-02-30"}, dead, head=head, mapping={"variables": {}})
    assert out.values("os_status") == [None, 1, 0]
    record = out.flow["reconciliation"]["os"]
    assert (record["delivered"], record["counted"]) == (2, 1)
    assert record["delivered"] + sum(line["count"] for line in record["lines"]) == record["counted"]


def test_dates_of_several_rows_that_disagree_or_cannot_be_read(tmp_path):
    """One row says nothing, another something that is not understood; or two rows state different days."""
    rows = [
        {"patient_id": "A"},
        {"patient_id": "A", "relapse": "2021-02-30", "relapsed": "1"},
        {"patient_id": "B", "relapse": "2021-02-01", "relapsed": "1"},
        {"patient_id": "B", "relapse": "2021-06-01", "relapsed": "1"},
        {"patient_id": "C", "relapse": "2021-02-30", "relapsed": "1"},
        {"patient_id": "C", "relapse": "2021-03-01", "relapsed": "1"},
        {"patient_id": "D"},
    ]
    rows = [{**dict(zip(HEAD, PLAIN, strict=True)), **row} for row in rows]
    columns = {name: [row[name] for row in rows] for name in ("patient_id", *HEAD)}
    files = {"files": {"main": {"date_format": ["YYYY-MM-DD"]}}}
    out = run(tmp_path, columns, VARIABLES, MAPPING | files, USE_CASE)
    assert out.values("efs_status") == [None, None, 1, 0]
    assert out.said("efs_status", 0) == [("null", "date_invalid")]
    assert out.said("efs_status", 2) == [("null", "duplicate")]


@pytest.mark.parametrize("flag", ["", "0", "1", "NA"])
def test_a_dated_event_counts_whatever_the_flag_says(tmp_path, flag):
    out = follow(tmp_path, {"relapse": "2021-01-01", "relapsed": flag})
    assert (out.value("efs_status"), out.value("ci_status"), out.value("os_status")) == (1, 1, 0)
    assert out.value("efs_years") == years("2020-01-01", "2021-01-01")


def without_flag(tmp_path, *flags_and_dates, mapped=True, endpoints=None):
    """Patients as (flag, date of relapse)."""
    rows = [{"relapsed": flag, "relapse": date} for flag, date in flags_and_dates]
    head = HEAD if mapped else tuple(name for name in HEAD if name != "relapsed")
    endpoints = endpoints or {name: USE_CASE["endpoints"][name] for name in ("os", "ci")}
    rows = [{**dict(zip(HEAD, PLAIN, strict=True)), **row} for row in rows]
    columns = {name: [row[name] for row in rows] for name in head}
    return run(tmp_path, columns, VARIABLES, MAPPING, {**USE_CASE, "endpoints": endpoints})


def test_an_outcome_of_which_only_events_are_told_is_nobodys(tmp_path):
    """Who had no event cannot be told from whom nobody asked."""
    dated = "2021-01-01"
    undelivered = without_flag(tmp_path, ("", dated), ("", ""), ("", ""), mapped=False)
    only_yes = without_flag(tmp_path, ("1", dated), ("", ""), ("", ""))
    for out in (undelivered, only_yes):
        assert out.values("efs_status") == out.values("efs_years") == [None] * 3
        assert out.said("efs_years", None) == [("null", "missing")]
        assert out.values("ci_status") == [1, 0, 0]
        details = out.issues.loc[out.issues["variable"] == "efs_status", "detail"].tolist()
        assert len(details) == 1 and '"relapsed"' in details[0]
    with pytest.raises(HemaPilotsError, match=r'endpoint "efs" \("relapsed" never says no'):
        rows = [("1", dated), ("", ""), ("NA", "")]
        without_flag(tmp_path, *rows, endpoints=USE_CASE["endpoints"])


def test_a_flag_that_is_blank_by_habit_is_missing_whether_or_not_there_was_an_event(tmp_path):
    dated = "2021-01-01"
    habit = without_flag(tmp_path, ("", dated), ("1", dated), ("", ""), ("", ""), ("", ""), ("0", ""))
    assert habit.values("efs_status") == [None, 1, None, None, None, 0]
    told = without_flag(tmp_path, ("", dated), ("1", dated), ("", ""), ("0", ""), ("0", ""), ("0", ""))
    assert told.values("efs_status") == [1, 1, None, 0, 0, 0]


def test_delivered_times_end_at_the_lock(tmp_path):
    rows = [dict(zip(HEAD, PLAIN, strict=True))] * 5
    columns = {name: [row[name] for row in rows] for name in HEAD}
    columns |= {"index": ["2020-01-01"] * 3 + ["", "2022-01-01"], "contact": [""] * 5}
    columns |= {"os_years": ["3", "3", "0.5", "3", "1"], "os_status": ["1", "0", "1", "1", "1"]}
    endpoints = {"os": USE_CASE["endpoints"]["os"]}
    out = run(tmp_path, columns, VARIABLES, {**MAPPING, "lock": "2021-01-01"}, {**USE_CASE, "endpoints": endpoints})
    year = years("2020-01-01", "2021-01-01")
    assert out.values("os_years") == [year, year, 0.5, 3, None] and out.values("os_status") == [0, 0, 1, 1, None]
    assert out.said("os_status", 0) == [("flagged", "after_lock")] and out.said("os_status", 1) == []
    assert out.said("os_years", 4) == [("null", "after_lock")]
    assert out.count("os_years", "flagged", "after_lock") == 3
    lines = {line["label"]: line["events_lost"] for line in out.flow["endpoints"]["os"]["lines"]}
    assert lines["Event after the administrative lock, patient censored"] == 1
    assert lines["Index date after the administrative lock"] == 1


def test_the_flow_says_why_an_event_is_not_counted(tmp_path):
    rows = [dict(zip(HEAD, PLAIN, strict=True)) for _ in range(4)]
    rows[0] |= {"relapse": "2021-06-01", "graft": "2021-01-01", "relapsed": "1"}
    rows[1] |= {"relapse": "2021-06-01", "relapsed": "1"}
    rows[2] |= {"relapse": "2021-11-01", "relapsed": "1"}
    columns = {name: [row[name] for row in rows] for name in HEAD}
    columns |= {"ci_years": ["", "2", "", ""], "ci_status": ["", "0", "", ""]}
    out = run(tmp_path, columns, VARIABLES, {**MAPPING, "lock": "2021-10-01"}, USE_CASE)
    lines = {line["label"]: line["events_lost"] for line in out.flow["endpoints"]["ci"]["lines"]}
    assert lines["Another event came first"] == 1
    assert lines["Event of the dates that the delivered outcome does not have"] == 1
    assert lines["Event after the administrative lock, patient censored"] == 1


def test_an_outcome_without_the_event_of_the_one_it_includes_is_a_contradiction(tmp_path):
    columns = {"os_years": ["2", "2", "2"], "os_status": ["1", "1", "0"]}
    columns |= {"efs_years": ["2", "1", "2"], "efs_status": ["0", "0", "0"], "ci_years": ["2"] * 3}
    out = run(tmp_path, columns | {"ci_status": ["2", "2", "0"]}, VARIABLES, {}, USE_CASE)
    assert out.values("efs_event") == [None, 0, 0] and out.said("efs_time", 0) == [("null", "contradiction")]


def test_a_dated_event_stands_where_the_death_after_it_has_no_date(tmp_path):
    dead = {"vital": "dead", "relapse": "2021-01-01", "relapsed": "1"}
    known = {"vital": "dead", "death": "2021-06-01", "contact": "2021-05-01"}
    out = follow(tmp_path, dead, {**dead, "death": "2021-02-30"}, {"vital": "dead"}, known)
    assert out.values("os_status") == [None, None, None, 1, 0]
    assert out.values("efs_status") == [1, 1, None, 1, 0] and out.values("ci_status") == [1, 1, None, 2, 0]
    assert out.value("efs_years") == years("2020-01-01", "2021-01-01")


def test_a_time_that_no_patient_can_have_is_none(tmp_path):
    late = {"contact": "2093-01-01"}
    dead = {"death": "2093-01-01", "vital": "dead"}
    for lock in (None, "2023-01-01"):
        out = follow(tmp_path, late, dead, lock=lock)
        assert out.values("os_years")[:2] == [None, None] and out.said("os_years", 1) == [("null", "range_hard")]
        assert out.value("os_years", 2) == years("2020-01-01", "2022-01-01")
    lines = {line["reason"]: line for line in out.flow["endpoints"]["os"]["lines"]}
    assert lines["range_hard"]["patients_lost"] == 2


def test_without_a_status_the_last_contact_tells_for_the_living_as_for_the_dead(tmp_path):
    out = follow(tmp_path, {"vital": ""}, {"vital": "NA", "death": "2021-01-01", "contact": "2020-06-01"})
    assert out.values("os_status") == [0, 1, 0] and out.value("os_years") == years("2020-01-01", "2022-01-01")


def test_partial_dates_are_out_of_order_only_where_their_spans_are(tmp_path):
    out = follow(
        tmp_path,
        {"death": "2021-06", "contact": "2021-06-20", "vital": "dead"},
        {"death": "2021-06", "contact": "2021-07-01", "vital": "dead"},
        {"relapse": "2021-06", "relapsed": "1", "death": "2021-06-10", "contact": "2021-06-01", "vital": "dead"},
        {"relapse": "2020-03", "relapsed": "1"},
        {"relapse": "2020-04", "relapsed": "1"},
        {"index": "2020", "relapse": "2021-02-01", "relapsed": "1"},
        {"index": "2020", "relapse": "2021-06-01", "relapsed": "1"},
        {"index": "2020-03", "birth": "2020"},
    )
    assert out.value("os_years", 0) == years("2020-01-01", "2021-06-20") and out.value("os_status", 0) == 1
    assert out.said("os_years", 1) == [("null", "contradiction")]
    assert out.value("efs_status", 2) == 1 and out.value("efs_years", 2) == out.value("os_years", 2)
    # March begins exactly sixty days after the index date.
    assert out.said("efs_years", 3) == [("null", "date_partial")] and out.value("efs_status", 4) == 1
    assert out.said("efs_years", 5) == [("null", "date_partial")] and out.value("os_status", 5) == 0
    assert out.value("efs_years", 6) == years("2020-07-01", "2021-06-01")
    assert out.value("os_status", 7) == 0 and ("flagged", "date_order") not in out.said("index", 7)


def test_one_wrong_date_is_one_error_however_many_it_contradicts(tmp_path):
    wrong = "1949-06-01"
    out = follow(
        tmp_path,
        {"death": wrong, "contact": wrong, "vital": "dead"},
        {
            "index": "2023-01-01",
            "death": "2021-06-01",
            "relapse": "2021-01-01",
            "contact": "2021-05-01",
            "vital": "dead",
        },
        {"contact": "2019-01-01", "relapse": "2022-06-01", "relapsed": "1", "death": "2021-01-01", "vital": "dead"},
        {"contact": "2019-01-01", "relapse": "2019-01-01", "relapsed": "1"},
    )
    assert out.rows == [0, 1, 3, 4]
    assert out.said("follow_up", 2) == [("rejected", "date_order")]
    assert out.values("os_years")[:3] == [None] * 3


def test_follow_up_ends_at_a_treatment_that_censors(tmp_path):
    use_case = deepcopy(USE_CASE)
    use_case["follow_up"]["outcomes"]["os"]["censored_at"] = ["graft"]
    dead = {"death": "2021-06-01", "vital": "dead", "contact": "2021-05-01"}
    rows = [{"graft": "2021-01-01", **dead}, dead, {"graft": "2021-01-01"}, {"graft": "2021-06-01", **dead}]
    rows += [{"graft": "2021-01-01", "vital": "dead"}]
    rows = [{**dict(zip(HEAD, PLAIN, strict=True)), **row} for row in rows]
    columns = {name: [row[name] for row in rows] for name in HEAD}
    out = run(tmp_path, columns, VARIABLES, MAPPING, use_case)
    assert out.values("os_status") == [0, 1, 0, 1, 0]
    assert out.values("os_years")[0] == out.values("os_years")[4] == years("2020-01-01", "2021-01-01")
    lines = {line["label"]: line["events_lost"] for line in out.flow["endpoints"]["os"]["lines"]}
    assert lines["Event after the date at which the patient is censored"] == 2
    record = out.flow["reconciliation"]["os"]
    assert record["delivered"] + sum(line["count"] for line in record["lines"]) == record["counted"] == 2
