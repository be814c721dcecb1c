"""What an expression gives: days and karyotypes must not come out of one as a number or a text that is kept."""

import pytest

from hemapilots.cross_checks.kinds import kind_of
from hemapilots.errors import HemaPilotsError

KINDS = {"born": "date", "seen": "date", "karyotype": "karyotype", "sex": "text", "hb": "number"}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("seen - born", "number"),
        ("(seen - born) / 365.25", "number"),
        ("born + 30", "date"),
        ("born - 1", "date"),
        ("max(born, seen)", "date"),
        ("case(hb > 1, born, seen)", "date"),
        ("case(hb > 1, karyotype, 0 / 0)", "karyotype"),
        ("seen < born", "number"),
        ("missing(born)", "number"),
        ("count(missing(born), missing(seen))", "number"),
        ("hb * 2 - ln(hb)", "number"),
        ('case(sex == "F", "f", "m")', "text"),
        ("sex", "text"),
        ("clip(hb, 1, 2)", "number"),
    ],
)
def test_the_kind_of_an_expression(text, kind):
    assert kind_of(text, KINDS)[0] == kind


@pytest.mark.parametrize(
    "text", ["born * 1", "born + seen", "1 - born", "ln(born)", "-born", "karyotype + 1", "born / 365.25"]
)
def test_a_day_or_a_karyotype_is_not_a_number(text):
    with pytest.raises(HemaPilotsError):
        kind_of(text, KINDS)


def test_only_texts_that_can_come_out_count():
    assert kind_of('case(sex == "F", "f", "m")', KINDS)[1] == {"f", "m"}
