"""What a profile shows of a column, and what it never shows."""

import numpy as np
import pandas as pd
import pytest

from hemapilots.scan.profile import profile_column
from hemapilots.scan.show import show
from hemapilots.scan.tables import Column, Table
from hemapilots.scan.words import load_words

WORDS = load_words()


def profiled(cells, name="value"):
    return profile_column(Column(name, pd.Categorical([str(cell) for cell in cells])), WORDS)


def shown(cells, name="value"):
    """The line of a column as it is printed."""
    profile = profiled(cells, name)
    return show([Table("t", "t.csv", [profile.column])], {"t": [profile]}, None, "csv").splitlines()[-1]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["9,8", "10,2", "7"] * 10, "number"),
        (["<0.1", "3.2", "9.8*", "12 (H)"] * 10, "number"),
        (["6.1 mmol/L", "5.9 mmol/L"] * 10, "number"),
        (["0", "1"] * 10, "flag"),
        (["ja", "nein"] * 10, "flag"),
        (["F", "M"] * 10, "category"),
        (["01.02.2019", "28.12.2018"] * 10, "date"),
        (["2019-04-01T10:00:00", "2018-01-01"] * 10, "date"),
        (["06/2017", "11/2018"] * 10, "date"),
        (["", "NA", "n.d."] * 10, "empty"),
        ([f"comment number {k}" for k in range(50)], "identifier"),
        ([f"{k % 45} of some longer text" for k in range(60)], "text"),
        ([str(1000000 + k) for k in range(50)], "identifier"),
        ([str(20 + k % 60) for k in range(50)], "number"),
    ],
)
def test_types(cells, kind):
    assert profiled(cells).kind == kind


@pytest.mark.parametrize(
    "name",
    [
        "Name", "surname", "Vorname", "Cognome", "prénom", "Apellidos", "Επώνυμο", "naam", "Date of birth", "Geburtsdatum",
        "birth_date", "codice fiscale", "patient_id", "MRN", "case id", "Bemerkung", "Adresse",
    ],
)  # fmt: skip
def test_columns_that_name_patients_show_nothing(name):
    line = shown(["Muster"] * 30, name)
    assert "Muster" not in line and "not shown" in line


def test_free_text_and_unique_columns_show_nothing():
    assert "verzogen" not in shown([f"verzogen {k}" for k in range(40)])
    assert "text" not in shown([f"text {k % 45}" for k in range(100)]).replace("free text", "").split("  ")[-1]


def test_values_of_few_cells_and_their_complements_are_not_shown():
    profile = profiled(["a"] * 90 + ["b"] * 7 + ["rare"] * 3)
    assert "rare" not in profile.values and profile.rarer
    # The rare one could be had by subtraction if both others were shown.
    assert len([count for count in profile.values.values() if count]) < 2
    assert "rare" not in shown(["a"] * 90 + ["b"] * 7 + ["rare"] * 3)


def test_few_missing_cells_are_not_counted():
    assert profiled(["1.5", "2.5"] * 30 + [""] * 3).missing is None
    assert profiled(["1.5", "2.5"] * 30 + [""] * 6).missing == 6
    assert profiled(["1.5", "2.5"] * 30).missing == 0


def test_quantiles_are_rounded_and_need_patients():
    values = np.random.default_rng(0).normal(98.76, 10, 200).round(2)
    found = profiled(values).quantiles
    assert set(found) == {0.05, 0.25, 0.5, 0.75, 0.95}
    assert all(float(f"{value:.2g}") == value for value in found.values())
    assert found[0.05] > values.min() and found[0.95] < values.max()
    assert set(profiled(values[:50]).quantiles) == {0.25, 0.5, 0.75}
    assert profiled(values[:19]).quantiles == {}
    line = shown(values)
    assert f"{values.min()}" not in line and f"{values.max()}" not in line


@pytest.mark.parametrize(
    ("cells", "mark", "unsure"),
    [
        (["9,8", "10,25"] * 5, ",", False),
        (["9.8", "1,234.5"] * 5, ".", False),
        (["1.234", "98.000"] * 5, None, True),
        (["12", "13"] * 5, None, False),
    ],
)
def test_decimal_marks(cells, mark, unsure):
    profile = profiled(cells)
    assert (profile.decimal, profile.ambiguous) == (mark, unsure)


@pytest.mark.parametrize(
    ("cells", "formats", "unsure"),
    [
        (["13.02.2019", "01.03.2019"] * 10, ["DD.MM.YYYY"], False),
        (["02/13/2019", "01/03/2019"] * 10, ["MM/DD/YYYY"], False),
        (["02/03/2019", "01/04/2019"] * 10, ["DD/MM/YYYY"], True),
        (["2019-02-13", "2019-03-01"] * 10, ["YYYY-MM-DD"], False),
        (["20190213", "20190301"] * 10, ["YYYYMMDD"], False),
    ],
)
def test_date_formats(cells, formats, unsure):
    profile = profiled(cells)
    assert (profile.formats, profile.ambiguous) == (formats, unsure)
    assert cells[0] not in shown(cells)


def test_units_in_cells_and_odd_cells():
    profile = profiled(["6.1 mmol/L", "5.9 mmol/L", "7.2 mmol/L"] * 20 + ["Xyz"] * 6)
    assert (profile.unit, profile.odd) == ("mmol/L", {"Xyz": 6})
    assert profiled(["6.1"] * 40 + ["Xyz"] * 2).odd == {}


def test_words_for_missing_are_told_in_any_language():
    profile = profiled(["1.5"] * 40 + ["k.A."] * 6 + ["inconnu"] * 5 + ["desconocido"] * 2)
    assert profile.missing == 13 and {"k.A.", "inconnu"} <= set(profile.absent) and "desconocido" not in profile.absent


def test_names_with_control_characters_do_not_reach_the_terminal():
    assert "\x1b" not in shown(["a", "b"] * 20, "na\x1b[31mme") and "\x1b" not in shown(["a\x1b", "b"] * 20)
