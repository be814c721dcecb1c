"""The karyotype reader: laboratories' ways of writing, counting by convention, the category, and a real study's own column."""

import os
import random
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.findings import REASONS, STATUSES
from hemapilots.harmonize.genetics.abnormality import understand
from hemapilots.harmonize.genetics.karyotype import TABLE, load_rules, read_karyotypes

NAN = "unknown"
PUBLISHED = {"Very-Good": "very_good", "Good": "good", "Int": "intermediate", "Poor": "poor", "Very-Poor": "very_poor"}
LESIONS = (
    "del5q plus8 dely del7 del20q del7q del12p del13 del11q plus21 del17p del18 del3p plus1p plus13 plus19".split()
)


def one(text, sex=None):
    """Features of one karyotype, unknown as NAN."""
    columns = read_karyotypes(np.array([text], dtype=object), None if sex is None else np.array([sex], dtype=object))
    return {name: NAN if pd.isna(values[0]) else values[0] for name, values in columns.features.items()}


def said(text, sex=None):
    columns = read_karyotypes(np.array([text], dtype=object), None if sex is None else np.array([sex], dtype=object))
    return {(finding.status, finding.reason) for finding in columns.findings}


@pytest.mark.parametrize(
    "text",
    ["99", "150,XX", "47,XX", "45,XY[20]", "44,XX", "46,X", "47,XY[11]/46,XY[9]", "46,XX,", "46,XX, ", "46,XX,…"],
)
def test_a_count_without_an_abnormality_that_explains_it_and_a_text_cut_off_are_not_normal(text):
    assert (one(text, "M")["cyto_ipssr"], one(text, "M")["n_abn"]) == (NAN, NAN)
    assert ("null", "parse_error") in said(text, "M")


@pytest.mark.parametrize("text", ["99", "20", "150,XX", "150,XXX", "92,XX", "47,XX", "45,XY", "46,X", "4 6 X", "46,Y"])
@pytest.mark.parametrize("sex", [None, "F", "M"])
def test_a_number_of_chromosomes_that_nothing_explains_is_no_karyotype(text, sex):
    found = one(text, sex)
    assert {found[name] for name in ("n_abn", "cyto_ipssr", "complex", "del5q", "dely", "plus8")} == {NAN}
    assert said(text, sex) == {("null", "parse_error")}


def test_what_nobody_named_in_one_clone_leaves_the_number_unknown():
    found = one("46,XX,del(5)(q13q33)[10]/47,XX[2]")
    assert (found["del5q"], found["del7"], found["n_abn"]) == (1, NAN, NAN)
    # In a single cell it is no clone, whatever it was.
    assert one("47,XX[1]/46,XX[19]")["n_abn"] == 0 and said("45,XX[2]/46,XX[18]") == {("flagged", "below_lod")}


@pytest.mark.parametrize(
    "text",
    [
        "48,XX,+8",
        "46,XX,+8",
        "44,XX,-7",
        "46,XX,-Y",
        "46,X,-Y",
        "47,XY,del(5)(q13)",
        "47,XX,+8/47,idem,+9",
        "150,XX,+8",
    ],
)
def test_a_number_of_chromosomes_that_is_not_that_of_the_named_changes_is_flagged(text):
    assert ("flagged", "contradiction") in said(text)
    assert one(text)["n_abn"] >= 1


@pytest.mark.parametrize(
    "text",
    [
        "47,XX,+8",
        "45,X,-Y",
        "45,X[12]/46,XY[8]",
        "46,X,-Y,+8",
        "46,X,del(X)(q13)",
        "47,XY,+Y",
        "45,XY,dic(5;17)(q11;p11)",
        "45,XX,rob(13;14)(q10;q10)",
        "45,XX,t(13;14)(q10;q10)",
        "46,XX,+1,der(1;7)(q10;p10)",
        "46,XY,der(17)t(5;17)(q13;p11)",
        "46,XY,-7,+der(7)t(5;7)(p11;q21)",
        "46,XY,idic(17)(p11)",
        "48,XY,+2mar",
        "46,XX,dmin",
        "47~50,XY,+1~4mar[5]",
        "43~45,XY,-7[4],+8[1],-18[2],del(5)(q13)[3][cp6]",
        "46,XY,del(5)(q13q33)[3]/47,idem,+8[4]/48,sl,+8,+21[2]/46,XY[11]",
        "45,XY,-7,add(9)(q34)[6]/46,idem,-add(9)(q34),+8[3]",
        "92<4n>,XXYY[5]/46,XY[15]",
        "92,XXYY",
        "70,XXX,+8",
        "47,XXY",
    ],
)
def test_a_number_of_chromosomes_that_fits_is_not_flagged(text):
    assert ("flagged", "contradiction") not in said(text, "M")


@pytest.mark.parametrize(
    ("text", "n_abn", "category"),
    [
        ("46,XY[20]", 0, "good"),
        ("46, xx [20]", 0, "good"),
        ("46xx", 0, "good"),
        ("normal", 0, "good"),
        ("Normaler Karyotyp", 0, "good"),
        ("cariotipo normale", 0, "good"),
        ("φυσιολογικός καρυότυπος", 0, "good"),
        ("45,X,-Y[12]/46,XY[8]", 1, "very_good"),
        ("45,x[12]/46,xy[8]", 1, "very_good"),
        ("46,XX,del(11)(q14q23)[10]", 1, "very_good"),
        ("46,XY,del(5)(q13q33)[12]/46,XY[8]", 1, "good"),
        ("46,XY,del(5)(q13q33),del(9)(q13q22)", 2, "good"),
        ("5q-", 1, "good"),
        ("isodicentric", NAN, NAN),
        ("46,XX,del(12)(p11.2p13)[7]", 1, "good"),
        ("46,XX,del(20)(q11.2q13.3)[7]", 1, "good"),
        ("47,XX,+8", 1, "intermediate"),
        ("47,XX,+19[9]", 1, "intermediate"),
        ("46,XY,i(17)(q10)[9]", 1, "intermediate"),
        ("46,XY,del(7)(q22q36)[9]", 1, "intermediate"),
        ("46,XY,inv(3)(p11q13)[9]", 1, "intermediate"),
        ("45,XY,-7[9]", 1, "poor"),
        ("46,XY,inv(3)(q21q26)[9]", 1, "poor"),
        ("46,XY,t(3;3)(q21;q26)", 1, "poor"),
        ("46,XY,del(3)(q21)", 1, "poor"),
        ("46,XX,t(1;3)(p36;q21)[9]", 1, "poor"),
        ("45,XX,-7,del(9)(q13)[9]", 2, "poor"),
        ("45,XX,del(5)(q13q33),-7[9]", 2, "poor"),
        ("47,XX,+8[5]/46,XX,del(20)(q11)[4]", 2, "intermediate"),
        ("46,XX,del(5)(q13q33)[5]/47,XX,+8[4]", 2, "intermediate"),
        ("45,XX,-7[10]/47,XX,+8[5]/46,XX[5]", 2, "intermediate"),
        ("46,XX,-7,+8[10]/46,XX[5]", 2, "poor"),
        ("del(5q)[10]/+8[5]", 2, "intermediate"),
        ("del(5q),+8[5]", 2, "good"),
        ("92,XXYY[5]/46,XY[15]", 1, "intermediate"),
        ("47,XX,del(5)(q13q33),+8[5]", 2, "good"),
        ("48,XX,+8,+9,del(20)(q11)[5]", 3, "poor"),
        ("43,XY,-3,del(5)(q13q33),-7,-18,add(17)(p11)[5]", 5, "very_poor"),
        ("complex", NAN, NAN),
        ("complex, > 3 abnormalities", NAN, "very_poor"),
        ("komplex (mehr als 3 Aberrationen)", NAN, "very_poor"),
        ("complexe, 3 anomalies", 3, "poor"),
        ("complex (>=3)", NAN, NAN),
        ("complex with 5 abnormalities", 5, "very_poor"),
        ("no mitoses", NAN, NAN),
        ("", NAN, NAN),
    ],
)
def test_number_and_category(text, n_abn, category):
    found = one(text)
    assert (found["n_abn"], found["cyto_ipssr"]) == (n_abn, category)


COUNTED_FEATURES = ("n_abn", "complex", "cyto_ipssr")


@pytest.mark.parametrize(
    "text",
    [
        "keine Aberrationen in 20 Metaphasen", "geen afwijkingen in 20 metafasen", "20 metaphases, no abnormality",
        "keine numerischen oder strukturellen Aberrationen in 25 Metaphasen", "keine Aberrationen", "46,XY normal", "no abnormality",
        "normal 46,XX[20]", "absence d’anomalie", "nessuna anomalia", "sin anomalías", "sem alterações", "χωρίς ανωμαλίες",
        "normaler Karyotyp in 20 von 20 Metaphasen", "normal [cp20]",
    ],
)  # fmt: skip
def test_words_for_no_abnormality_are_normal_and_metaphases_are_not_counted(text):
    assert [one(text)[name] for name in COUNTED_FEATURES] == [0, 0, "good"]


@pytest.mark.parametrize(
    "text",
    [
        "weniger als 3 Aberrationen", "less than 3 abnormalities", "moins de 3 anomalies", "menos de 3 anomalías", "meno di 3 anomalie",
        "up to 3 abnormalities", "minder dan 3 afwijkingen", "≤ 3 aberrations", "complex < 3", "bis zu 5 Aberrationen",
        "not more than 3 abnormalities", "kein komplexer Karyotyp", "pas de caryotype complexe", "sin cariotipo complejo",
        "assenza di cariotipo complesso", "geen complex karyotype", "sem cariótipo complexo", "χωρίς σύνθετο καρυότυπο",
        "not a complex karyotype", "without complex changes", "non-complex", "noncomplex", "keine weiteren Aberrationen",
        "abnormality of chromosome 7", "anomalie du 7", "aberration 5q", "Aberrationen in 20 Metaphasen", "complex 20",
        "del(5q) not detected", "no del(5q)", "normal in 10 of 20 metaphases", "normal 10/20",
    ],
)  # fmt: skip
def test_what_is_denied_bounded_from_above_or_no_number_of_abnormalities_is_not_read(text):
    assert set(one(text).values()) == {NAN}
    assert said(text) == {("null", "free_text_unmapped")}


@pytest.mark.parametrize(
    ("text", "n_abn", "complex_", "category"),
    [
        ("3-4 Aberrationen", NAN, 1, NAN),
        ("3 – 4 Aberrationen", NAN, 1, NAN),
        ("4-5 aberrations", NAN, 1, "very_poor"),
        ("2-3 aberrations", NAN, NAN, NAN),
        ("3 oder mehr Aberrationen", NAN, 1, NAN),
        ("au moins 3 anomalies", NAN, 1, NAN),
        ("cariotipo complejo con más de 3 anomalías", NAN, 1, "very_poor"),
        ("complex karyotype (> 3)", NAN, 1, "very_poor"),
        ("complex[20]", NAN, 1, NAN),
        ("complex, 20 metaphases", NAN, 1, NAN),
        ("komplexer Karyotyp mit 5 klonalen Aberrationen in 20 Metaphasen", 5, 1, "very_poor"),
        ("46,XX,del(5)(q13q33) deletion not confirmed", NAN, NAN, NAN),
    ],
)
def test_a_number_counts_beside_its_noun(text, n_abn, complex_, category):
    assert [one(text)[name] for name in COUNTED_FEATURES] == [n_abn, complex_, category]


def test_no_metaphases_are_not_normal_whatever_else_is_said():
    assert said("no abnormality in 0 metaphases") == {("null", "cyto_failed")}


def test_a_whole_arm_translocation_is_the_same_however_it_is_written():
    wanted = one("46,XX,der(1;7)(q10;p10)")
    assert (wanted["n_abn"], wanted["cyto_ipssr"], wanted["del7_7q"]) == (2, "poor", 1)
    assert one("46,XX,+1,der(1;7)(q10;p10)") == one("46,XX,-7,+der(1;7)(q10;p10)") == wanted
    assert one("der(1;7)(q10;p10)") == wanted
    assert one("47,XX,+1,der(1;7)(q10;p10),+8") == one("47,XX,der(1;7)(q10;p10),+8")
    # One chromosome less: nothing was gained.
    assert one("45,XX,der(1;7)(q10;p10)")["n_abn"] == 1


def test_clones_share_what_they_inherit():
    found = one("46,XY,del(5)(q13q33)[3]/47,idem,+8[4]/48,sl,+8,+21[2]/46,XY[11]")
    assert (found["n_abn"], found["del5q"], found["plus8"], found["plus21"]) == (3, 1, 1, 1)
    assert one("47,XY,+8[6]/48,sdl1,+21[3]")["n_abn"] == 2
    # The second clone has lost a change of the first again.
    assert one("45,XY,-7,add(9)(q34)[6]/46,idem,-add(9)(q34),+8[3]")["n_abn"] == 3


def test_cells_decide_what_is_clonal():
    assert one("45,XY,-7[2]/46,XY[18]")["n_abn"] == 0
    assert one("45,XY,-7[3]/46,XY[17]")["n_abn"] == 1
    assert one("47,XY,+8[1]/46,XY[19]")["n_abn"] == 0
    assert one("47,XY,+8[2]/46,XY[18]")["n_abn"] == 1
    assert one("45,XY,-7")["n_abn"] == 1
    # Cells of two clones count together.
    assert one("45,XY,-7[2]/46,idem,+8[2]")["del7"] == 1
    assert ("flagged", "below_lod") in said("47,XY,+8[1]/46,XY[19]")
    assert one("43~45,XY,-7[4],+8[1],-18[2],del(5)(q13)[3][cp6]")["n_abn"] == 2


def test_markers_rings_and_numbers():
    assert one("48,XY,+2mar[5]")["n_abn"] == 2
    assert one("48,XY,+mar1,+mar2[5]")["n_abn"] == 2
    assert one("47~50,XY,+1~4mar[5]")["n_abn"] == NAN
    assert one("47~50,XY,+1~4mar[5]")["complex"] == NAN
    assert one("47~48,XY,+1~2mar[5]")["complex"] == 0
    assert one("48,XY,del(5)(q13),-7,+8,+1~4mar[cp5]")["cyto_ipssr"] == "very_poor"
    assert one("46,XY,r(7)(p22q36),dmin[4]")["n_abn"] == 2
    assert one("48,XX,+8,+8[6]")["n_abn"] == 1
    assert one("92<4n>,XXYY[5]/46,XY[15]")["n_abn"] == 1


def test_unbalanced_translocations_take_arms_away():
    assert one("45,XY,dic(5;17)(q11;p11)[8]")["del5q"] == 1
    assert one("45,XY,dic(5;17)(q11;p11)[8]")["del17_17p"] == 1
    assert one("46,XY,+1,der(1;7)(q10;p10)[8]")["del7_7q"] == 1
    assert one("46,XY,der(17)t(5;17)(q13;p11)[8]")["del17_17p"] == 1
    assert one("46,XY,idic(17)(p11)[8]")["iso17q"] == 1
    assert one("46,XY,t(5;17)(q13;p11)[8]")["del5q"] == 0


def test_other_methods_are_cut_off():
    assert one("46,XY[20].nuc ish(D7Z1x1,D7S486x1)[150/200]")["n_abn"] == 0
    assert one("45,XY,-7.ish del(5)(q31)(EGR1-)[10]/46,XY[10]")["n_abn"] == 1
    assert one("46,XX[20].arr[GRCh37] 5q14.3q33.2(90112233_153000000)x1")["del5q"] == 0
    assert said("nuc ish(D8Z2x3)[80/200]") == {("null", "not_done")}


def test_constitutional_changes_do_not_count():
    for text in (
        "47,XXY[20]",
        "47,XXYc[20]",
        "46,XY,inv(9)(p12q13)[20]",
        "46,XX,t(2;11)(p13;q23)c[20]",
        "46,XY,inv(9)",
    ):
        assert one(text)["cyto_ipssr"] == "good", text
        assert said(text) == {("flagged", "ineligible")}, text
    # The extra X is acquired where other cells have none.
    assert one("47,XXY[5]/46,XY[15]")["n_abn"] == 1


def test_failed_cultures_in_eight_languages():
    for text in (
        "no mitoses", "Culture failure", "keine Metaphasen", "échec", "échec de culture", "pas de mitoses", "nessuna mitosi",
        "sin metafases", "χωρίς μιτώσεις", "sem metáfases", "geen metafasen", "mislukt", "0 metaphases",
    ):  # fmt: skip
        assert said(text) == {("null", "cyto_failed")}, text
        assert one(text)["cyto_ipssr"] == NAN


def test_a_word_for_a_missing_value_is_no_free_text():
    for text, reason in (("unknown", "missing"), (" Not done ", "not_done"), ("unbekannt", "missing")):
        assert said(text) == {("null", reason)} and one(text)["cyto_ipssr"] == NAN, text
    assert said("unknown, see report") == {("null", "free_text_unmapped")}


def test_sex_and_lost_y():
    assert ("rejected", "contradiction") in said("45,X,-Y[12]/46,XY[8]", "F")
    assert said("45,X,-Y[12]/46,XY[8]", "M") == set()
    assert one("45,X[20]", "M")["dely"] == 1
    assert one("45,X,-X[12]/46,XX[8]", "F")["dely"] == 0


def test_what_is_not_understood_is_unknown_and_not_negative():
    found = one("46,XX,del(5)(q13q33),strange[10]")
    assert (found["del5q"], found["del7"], found["n_abn"], found["cyto_ipssr"]) == (1, NAN, NAN, NAN)
    assert ("null", "parse_error") in said("46,XX,del(5)(q13q33),strange[10]")
    assert said("see report") == {("null", "free_text_unmapped")}
    assert said("not complex") == {("null", "free_text_unmapped")}
    assert one("complex")["complex"] == 1
    assert one(None)["cyto_ipssr"] == NAN and said(None) == set()


def test_writing_does_not_matter():
    wanted = one("45,XY,-7,del(5)(q13q33)[12]/46,XY[8]")
    for text in (
        "45,xy,-7,del(5)(q13q33)[12]/46,xy[8]",
        " 45 , XY , –7 , del(5)(q13q33) [12] / 46 , XY [8] ",
        "45,ХΥ,-7,del(5)(q13q33)[12]/46,ΧΥ[8]",
        "45,XY,-7,del(5)(q13q33){12}/46,XY{8}",
        "45,XY,-7,?del(5)(q?13q33)[12]/46,XY[8]",
        "45,XY,-7,del(5)(q13q33)[12]46,XY[8]",
        "45XY,-7,del(5)(q13q33)[12]/46XY[8].",
    ):
        assert one(text) == wanted, text


def test_positions_of_findings_and_order():
    columns = read_karyotypes(np.array([None, "échec", "46,XY", "échec"], dtype=object))
    assert [(f.status, f.reason, f.cells.tolist()) for f in columns.findings] == [("null", "cyto_failed", [1, 3])]
    assert len(read_karyotypes(np.array([], dtype=object)).features["n_abn"]) == 0


def test_a_broken_table_is_an_error_with_its_file(tmp_path):
    path = tmp_path / "karyotype.yaml"
    path.write_text("features: {}\n")
    with pytest.raises(HemaPilotsError, match=r"karyotype\.yaml: not a karyotype table"):
        load_rules(path)
    assert TABLE.exists()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("-7", "-7"),
        ("del(7)(q22q36)", "del(7q)"),
        ("del7q", "del(7q)"),
        ("7q-", "del(7q)"),
        ("add(17)(p11)", "add(17p)"),
        ("i(17q)", "i(17q)"),
        ("inv(3)(q21q26.2)", "inv(3)(q21q26.2)"),
        ("t(3;21)(q26;q22)", "t(3q)"),
        ("der(7)t(1;7)(q21;q22)", "loss(7q)"),
        ("dup(1)(q21q32)", "gain(1q)"),
        ("monosomy7", "-7"),
        ("trisomie8", "+8"),
        ("r(7)(p22q36)", "r(7)"),
    ],
)
def test_names(text, name):
    assert name in understand(text).names


PIECES = ["46", "45", ",", "/", "xy", "XX", "-7", "+8", "del(5)(q13q33)", "[", "]", "(", ")", "idem", "cp", "12", "?", "c",
          "mar", "nuc ish", "complex", ">", "3", "~", "<4n>", "der(", ";", "x2", "or", "//", " ", "é", "\u202f", "t(3;3)"]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=80), st.lists(st.sampled_from(PIECES), max_size=40).map("".join)))
def test_any_text_is_read_or_said_not_to_be(text):
    columns = read_karyotypes(np.array([text], dtype=object))
    assert all(finding.status in STATUSES and finding.reason in REASONS for finding in columns.findings)
    known = columns.features["cyto_ipssr"][0] is not None
    nulled = any(finding.status == "null" for finding in columns.findings)
    many = columns.features["complex"][0] == 1 or not np.isnan(columns.features["n_abn"][0])
    assert known or nulled or np.isnan(columns.features["n_abn"][0])
    assert not known or many


def test_long_and_hostile_texts_take_no_time():
    rng = random.Random(1)
    hostile = [
        "(" * 2900,
        "[" * 2900,
        "46,xy," + "del(" * 700,
        "46,xy," + "x" * 2900,
        "/" * 2900,
        "46," + "+8" * 1400,
        "5+" * 1400,
    ]
    hostile += [
        "46,xy," + "der(1)t(1;2)(q1" * 180,
        "q" * 10**6,
        "46,xy[" + "1" * 2900,
        ">" * 2900,
        "or" * 1400,
        "-" * 2900,
    ]
    hostile += ["".join(rng.choice(PIECES) for _ in range(900)) for _ in range(40)]
    start = time.perf_counter()
    read_karyotypes(np.array(hostile, dtype=object))
    assert time.perf_counter() - start < 3


@pytest.fixture(scope="module")
def study():
    """The real study's clinical table, its lesion table in the same order, and what is read of its karyotypes."""
    folder = Path(os.environ.get("COHORT_MIRROR") or ".") / "ipssm"
    if not os.environ.get("COHORT_MIRROR") or not (folder / "df_clinical.tsv").exists():
        pytest.skip("set COHORT_MIRROR to the folder that holds ipssm/ to compare with the real study")
    clinical = pd.read_csv(folder / "df_clinical.tsv", sep="\t", dtype=str, keep_default_na=False, na_values=["NA", ""])
    lesions = pd.read_csv(folder / "df_cna.tsv", sep="\t").set_index("ID").reindex(clinical["ID"])
    texts = clinical["CYTOGENETICS"].astype(object).where(clinical["CYTOGENETICS"].notna(), None).to_numpy(object)
    return clinical, lesions, read_karyotypes(texts, clinical["SEX"].to_numpy(object))


def test_agreement_with_the_published_category_of_the_real_study(study, capsys):
    """Disagreements are shown by kind with their number, never row by row."""
    clinical, _, columns = study
    ours = columns.features["cyto_ipssr"]
    published = clinical["CYTO_IPSSR"].map(PUBLISHED).to_numpy(object)
    told = clinical["CYTOGENETICS"].notna().to_numpy() & pd.notna(published)
    both = told & pd.notna(ours)
    agree = float((ours == published)[both].mean())
    known = ~np.isnan(columns.features["complex"])
    agree_complex = float((columns.features["complex"] == (clinical["complex"] == "complex"))[known].mean())
    kinds = Counter((published[at], ours[at], _kind(columns, at)) for at in np.flatnonzero(both & (ours != published)))
    with capsys.disabled():
        print(f"\nCategory: {both.sum()} of {told.sum()} texts decided, agreement {agree:.2%}")
        print(f"Complex: {known.sum()} texts decided, agreement {agree_complex:.2%}")
        for (theirs, mine, kind), number in kinds.most_common():
            print(f"  {number:3d} published {theirs}, here {mine}: {kind}")
    assert both.sum() > 0.98 * told.sum()
    assert agree > 0.97
    assert agree_complex > 0.98


def test_agreement_with_the_lesions_of_the_real_study(study, capsys):
    """The study's lesions rest on copy-number arrays and sequencing beside the text: what they alone have found is no fault here."""
    _, lesions, columns = study
    lines, agreements = [], []
    for name in LESIONS:
        published = lesions[{"dely": "delY"}.get(name, name)].to_numpy(float)
        ours = columns.features[name]
        known = ~np.isnan(published) & ~np.isnan(ours)
        theirs, mine = published[known] == 1, ours[known] == 1
        agreements.append((theirs == mine).mean())
        numbers = (
            f"both {(theirs & mine).sum()}, study alone {(theirs & ~mine).sum()}, text alone {(~theirs & mine).sum()}"
        )
        lines.append(f"  {name:7s} {agreements[-1]:.2%} of {known.sum()}: {numbers}")
    with capsys.disabled():
        print("\nLesions:", *lines, sep="\n")
    assert min(agreements) > 0.95


def _kind(columns, at):
    """A class of karyotypes that many patients share."""
    remarks = {finding.reason for finding in columns.findings if at in finding.cells}
    features = {name: values[at] for name, values in columns.features.items()}
    if "ineligible" in remarks:
        return "constitutional change, not counted here"
    if "below_lod" in remarks:
        return "change in a single cell, not counted here"
    if features["n_abn"] == 1 and features["three_q"] == 1:
        return "one change of 3q"
    count = {0: "no change", 1: "one change", 2: "two changes", 3: "three changes"}.get(
        features["n_abn"], "more changes"
    )
    lesions = [name for name in ("del5q", "del7_7q", "dely") if features[name] == 1]
    return (
        f"{count}{' with ' + ', '.join(lesions) if lesions else ''}{', uncertain' if 'code_unknown' in remarks else ''}"
    )
