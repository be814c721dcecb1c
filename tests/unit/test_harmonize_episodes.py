"""Episodes of recurrent events, row by row: what counts, what belongs together, what is listed instead."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hemapilots.config.mapping import Episodes, Mapping
from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.engine import harmonize
from hemapilots.harmonize.episodes import episodes
from hemapilots.harmonize.reading.units import load_factors
from hemapilots.ingest.readers import ingest
from hemapilots.paths import RESOURCES
from hemapilots.yaml_source import validate

FACTORS = load_factors(RESOURCES / "units" / "factors.csv")
HALF_DAY = 0.5 / 365.25
USE_CASE = {
    "variables": {
        "seen": {"label": "First seen", "type": "date", "known_at": "index"},
        "last": {"label": "Last contact", "type": "date", "known_at": "outcome"},
        "death": {"label": "Death", "type": "date", "known_at": "outcome"},
        "consent": {"label": "Consent", "type": "flag", "known_at": "index"},
        "years": {"label": "Years", "type": "number", "unit": "a", "known_at": "outcome"},
        "died": {"label": "Died", "type": "flag", "known_at": "outcome"},
    },
    "inclusion": [{"name": "consent", "label": "Consent", "expression": "consent == 1", "reason": "consent_withdrawn"}],
    "follow_up": {
        "index": "seen",
        "last_contact": "last",
        "death": "death",
        "outcomes": {"os": {"time": "years", "status": "died", "events": ["death"]}},
    },
    "endpoints": {"os": {"label": "Survival", "time": "years", "event": "died"}},
    "recurrent": {"attack": {"label": "Attacks", "merge_days": 14, "terminal": "os", "horizons": [2], "compare": []}},
}
MAPPING = {
    "name": "clinic",
    "use_case": "x",
    "reader": "csv",
    "patient_id": "id",
    "files": {
        "patients": {"path": "patients.csv", "date_format": ["DD.MM.YYYY"]},
        "stays": {"path": "stays.csv", "repeated": True, "date": "day", "date_format": ["DD.MM.YYYY"]},
    },
    "variables": {name: {"column": name} for name in ("seen", "last", "death", "consent")},
    "episodes": {"attack": {"file": "stays", "column": "why", "values": {"crisis": 1, "visit": 0}}},
}
PATIENTS = """id,seen,last,death,consent
a,01.01.2010,01.01.2014,,1
b,01.01.2010,31.12.2012,31.12.2012,1
c,01.01.2010,01.01.2011,,1
d,01.01.2010,01.01.2012,,0
e,,01.01.2012,,1
"""


def run(folder: Path, stays: str, mapping=MAPPING, patients: str = PATIENTS) -> tuple[pd.DataFrame, pd.DataFrame]:
    (folder / "patients.csv").write_text(patients)
    (folder / "stays.csv").write_text("id,day,why\n" + stays)
    plain = validate(Mapping, {key: value for key, value in mapping.items() if key != "name"}, None, folder / "m.yaml")
    mapping = plain.model_dump(mode="json") | {"name": "clinic"}
    delivered = ingest(folder, mapping)
    harmonized, _, _ = harmonize(delivered, USE_CASE, mapping, FACTORS)
    return episodes(delivered, USE_CASE, mapping, FACTORS, harmonized)


def days(events: pd.DataFrame, row: int) -> list[tuple[float, float]]:
    """(day since the index date, event) of a patient's rows."""
    own = events[events["row"] == row]
    return [(round(stop * 365.25, 6), event) for stop, event in zip(own["stop"], own["event"], strict=True)]


def counts(issues: pd.DataFrame) -> dict[str, int]:
    return issues.groupby("detail")["count"].sum().to_dict()


def test_intervals_follow_each_other_and_end_with_observation(tmp_path):
    events, issues = run(tmp_path, "a,11.01.2010,crisis\na,01.03.2010,crisis\nb,01.06.2010,crisis\n")
    assert days(events, 0) == [(10, 1), (59, 1), (1461, 0)]
    assert days(events, 1) == [(151, 1), (1095, 2)]
    assert days(events, 2) == [(365, 0)]
    assert events["start"].tolist() == [0.0, *events["stop"][:2], 0.0, events["stop"][3], 0.0]
    assert events["outcome"].eq("attack").all()
    # Nobody without consent or without an index date is followed; nothing of theirs is listed.
    assert set(events["row"]) == {0, 1, 2}
    assert issues[issues["row"].notna()].empty


def test_a_run_of_episodes_is_one(tmp_path):
    """Each begins less than 14 days after the one before; one that begins 14 days after it is another."""
    stays = "a,20.01.2010,crisis\na,11.01.2010,crisis\na,30.01.2010,crisis\na,13.02.2010,crisis\na,13.02.2010,crisis\n"
    events, issues = run(tmp_path, stays)
    assert days(events, 0) == [(10, 1), (43, 1), (1461, 0)]
    assert counts(issues)["less than 14 days after the one before, counted with it"] == 2
    assert counts(issues)["delivered again with the same day"] == 1


def test_history_and_what_lies_after_the_end_do_not_count(tmp_path):
    """One that follows an episode of before the index date within 14 days belongs to that, and is history too."""
    stays = "a,25.12.2009,crisis\na,05.01.2010,crisis\na,01.01.2015,crisis\nb,01.02.2013,crisis\nc,01.06.2009,crisis\n"
    events, issues = run(tmp_path, stays)
    assert days(events, 0) == [(1461, 0)] and days(events, 1) == [(1095, 2)] and days(events, 2) == [(365, 0)]
    listed = issues[issues["row"].notna()].set_index("row")
    assert listed.loc[1, "reason"] == "date_order" and listed.loc[1, "detail"] == "after death"
    assert listed.loc[0, "reason"] == "outside_window"
    assert counts(issues)["on or before the index date"] == 2


def test_an_episode_on_the_last_day_counts_before_a_death(tmp_path):
    events, _ = run(tmp_path, "a,01.01.2014,crisis\nb,31.12.2012,crisis\n")
    assert days(events, 0) == [(1461, 1)]
    assert days(events, 1) == [(1094.5, 1), (1095, 2)]
    assert (events["stop"] > events["start"]).all()


def test_other_kinds_are_no_episodes_and_doubtful_ones_are_listed(tmp_path):
    stays = "a,01.02.2010,visit\na,01.04.2010,surgery\na,31.02.2010,crisis\na,05.2010,crisis\na,,crisis\na,01.07.2010,crisis\n"
    events, issues = run(tmp_path, stays)
    assert days(events, 0) == [(181, 1), (1461, 0)]
    listed = issues[issues["row"].notna()]
    assert sorted(listed["reason"]) == ["code_unknown", "date_invalid", "date_partial"]
    assert listed["status"].eq("null").all() and listed["raw_hash"].notna().all()
    assert issues.loc[issues["reason"] == "missing", "count"].tolist() == [1]


def test_the_column_may_hold_the_day_itself(tmp_path):
    mapping = MAPPING | {"episodes": {"attack": {"file": "stays", "column": "day"}}}
    events, _ = run(tmp_path, "a,11.01.2010,crisis\na,01.03.2010,visit\n", mapping)
    assert days(events, 0) == [(10, 1), (59, 1), (1461, 0)]


def test_after_the_lock_nothing_counts(tmp_path):
    events, issues = run(tmp_path, "a,11.01.2010,crisis\na,01.03.2013,crisis\n", MAPPING | {"lock": "2012-01-01"})
    assert days(events, 0) == [(10, 1), (730, 0)]
    assert issues.loc[issues["row"] == 0, "reason"].tolist() == ["after_lock"]


def test_a_column_of_which_no_day_can_be_used_is_a_mistake(tmp_path):
    with pytest.raises(HemaPilotsError, match=r"episodes\.attack: of column \"day\" no delivered value can be used"):
        run(tmp_path, "a,31.02.2010,x\n", MAPPING | {"episodes": {"attack": {"file": "stays", "column": "day"}}})


def test_without_a_mapping_of_them_there_are_no_rows(tmp_path):
    events, issues = run(tmp_path, "a,11.01.2010,crisis\n", MAPPING | {"episodes": {}})
    assert events.empty and issues.empty and events["row"].dtype == np.int64


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"column": "day", "unit": "a"}, "does not go with episodes"),
        ({"column": "why", "values": {"crisis": 2}}, "1 yes, 0 another one"),
        ({"column": "day", "date": "day"}, "itself holds the day"),
    ],
)
def test_a_column_of_episodes_has_a_day_and_a_kind_only(entry, message, tmp_path):
    with pytest.raises(HemaPilotsError, match=message):
        validate(Episodes, entry, None, tmp_path / "m.yaml")
