"""White space and spelling: one definition, used everywhere."""

from hemapilots.harmonize.reading import raw
from hemapilots.ingest import assemble
from hemapilots.scan import cells
from hemapilots.texts import BLANKS, fold, joined


def test_one_set_of_blanks():
    assert raw.BLANKS is assemble.BLANKS is cells.BLANKS is BLANKS
    assert "\u200b\u3000 x\u00a0\ufeff".strip(BLANKS) == "x"


def test_headers_without_case_accents_and_punctuation():
    assert fold("  Hämoglobin_(g/dl) ") == "hamoglobin g dl" and joined("Straße-1") == "strasse1"
    assert fold("µg") == fold("μg") == "ug" and fold("%") == ""
