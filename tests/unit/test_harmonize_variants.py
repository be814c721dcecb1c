"""A table of variants and a panel: flags, counts and allele fractions of each patient's genes."""

import numpy as np
import pandas as pd
import pytest

from hemapilots.harmonize.genetics.panel import apply, assayed
from hemapilots.harmonize.genetics.variants import allele_fractions, gene_values, remarks


def table(*rows, columns=("patient_id", "gene", "protein", "vaf", "classification")):
    frame = pd.DataFrame([dict(zip(columns, row, strict=False)) for row in rows], columns=list(columns))
    return frame.astype("category").assign(row=range(len(rows)))


VARIABLES = {
    "tp53": {"type": "flag", "gene": "TP53"},
    "tp53_nmut": {"type": "number", "gene": "TP53", "of_variants": "count"},
    "tp53_maxvaf": {"type": "number", "gene": "TP53", "of_variants": "max_vaf"},
    "kmt2a": {"type": "flag", "gene": "KMT2A"},
    "mll_ptd": {"type": "flag", "gene": "MLL_PTD"},
    "flt3": {"type": "flag", "gene": "FLT3"},
    "flt3_itd": {"type": "flag", "gene": "FLT3_ITD"},
    "hb": {"type": "number"},
}
FULL = {"genes": ["TP53", "KMT2A", "MLL_PTD", "FLT3"]}
PATIENTS = np.array(["a", "b", "c", "a"], dtype=object)


def values(variants, declared=None, panel=FULL, names=None):
    found = gene_values(variants, PATIENTS, VARIABLES, declared or {}, panel, names)
    return {name: [None if np.isnan(value) else value for value in column.values] for name, column in found.items()}


def said(column):
    return [(finding.status, finding.reason, finding.cells.tolist()) for finding in column.findings]


def test_flags_counts_and_highest_fraction():
    found = values(
        table(("a", "TP53", "p.R175H", "0.4"), ("a", "P53", "p.Y220C", "0.6"), ("x", "TP53", "p.R175H", "0.9"))
    )
    assert found["tp53"] == [1, 0, 0, 1]
    assert found["tp53_nmut"] == [2, 0, 0, 2]
    assert found["tp53_maxvaf"] == [0.6, 0, 0, 0.6]
    assert "hb" not in found


def test_the_same_variant_twice_is_one():
    found = values(table(("a", "TP53", "p.R175H", "0.4"), ("a", "TP53", "p.R175H", "0.5")))
    assert (found["tp53_nmut"][0], found["tp53_maxvaf"][0]) == (1, 0.5)


def test_features_of_a_gene():
    rows = [("a", "MLL", "PTD"), ("b", "FLT3", "ITD"), ("c", "FLT3", "p.D835Y"), ("c", "KMT2A", "p.R1X")]
    found = values(table(*rows, columns=("patient_id", "gene", "protein")))
    assert found["mll_ptd"] == [1, 0, 0, 1]
    assert found["kmt2a"] == [0, 0, 1, 0]
    assert found["flt3"] == [0, 1, 1, 0]
    assert found["flt3_itd"] == [0, 1, 0, 0]


def test_classes_that_count():
    variants = table(
        ("a", "TP53", "p.R175H", None, "Oncogenic"), ("b", "TP53", "p.P72R", None, "Benign"), ("c", "TP53", "p.X1Y", None, "VUS")
    )  # fmt: skip
    found = gene_values(variants, PATIENTS, VARIABLES, {"oncogenic": ["oncogenic", "likely_oncogenic"]})["tp53"]
    assert found.values[:2].tolist() == [1, 0] and np.isnan(found.values[2])
    assert said(found) == [("null", "code_unknown", [2])]
    assert values(variants)["tp53"] == [1, None, 1, 1]


def test_fractions():
    assert allele_fractions(["0.45", "0,1", None, "x"], None)[0].tolist()[:2] == [0.45, 0.1]
    assert allele_fractions(["45", "12", "3,5", "2", "60"], None)[0].tolist() == [0.45, 0.12, 0.035, 0.02, 0.6]
    assert allele_fractions(["45", "0.3", "0.2", "12"], None)[1] == "unit_conflict"
    assert allele_fractions(["45 %", "0.3"], None)[0].tolist() == [0.45, 0.3]
    assert allele_fractions(["45", "0.5"], "%")[0].tolist() == [0.45, 0.005]
    assert np.isnan(allele_fractions(["45", "-1"], "1")[0]).all()


def test_a_variant_without_a_usable_fraction_is_unknown():
    found = gene_values(table(("a", "TP53", "p.R175H", "high")), PATIENTS, VARIABLES, {}, FULL)["tp53_maxvaf"]
    assert np.isnan(found.values[0]) and found.values[1] == 0
    assert said(found) == [("null", "missing", [0, 3])]
    found = gene_values(
        table(("a", "TP53", "p.R175H", "0.4"), ("b", "TP53", "p.R175H", "45"), ("c", "TP53", "p.R175H", "0.2")), PATIENTS, VARIABLES, {}
    )["tp53_maxvaf"]  # fmt: skip
    assert said(found) == [("null", "unit_conflict", [0, 1, 2, 3])]


def test_no_variants_at_all():
    assert values(table())["tp53"] == [0, 0, 0, 0]
    assert values(table(), panel=None)["tp53"] == [None] * 4


def test_without_a_panel_a_patient_without_any_row_is_not_known_to_have_been_sequenced():
    found = gene_values(table(("a", "FLT3", "ITD"), ("b", None, None)), PATIENTS, VARIABLES, {})
    for name, value in (("tp53", 0), ("tp53_nmut", 0), ("tp53_maxvaf", 0), ("flt3", 1)):
        assert found[name].values[[0, 3]].tolist() == [value, value] and np.isnan(found[name].values[2])
        # A row without a gene still says that there was a result.
        assert found[name].values[1] == 0
        assert said(found[name]) == [("null", "not_assayed", [2])] and found[name].findings[0].whole


def test_a_polymorphism_is_no_mutation():
    found = gene_values(
        table(("a", "P53", "p.(Pro72Arg)", "0.5"), ("b", "TP53", "p.P72R"), ("b", "TP53", "p.R175H", "0.3")), PATIENTS, VARIABLES, {}, FULL
    )  # fmt: skip
    assert np.array_equal(found["tp53"].values, [np.nan, 1, 0, np.nan], equal_nan=True)
    assert (found["tp53_nmut"].values[1], found["tp53_maxvaf"].values[1]) == (1, 0.3)
    assert said(found["tp53"]) == [("null", "code_unknown", [0, 3])]


def test_not_assayed_is_not_negative():
    variants = table(("a", "TP53", "p.R175H", "0.4"))
    assert values(variants, panel={"genes": ["ASXL1"]})["tp53"] == [1, None, None, 1]
    assert values(variants, panel={"genes": ["P53", "MLL"]})["mll_ptd"] == [None] * 4
    assert values(variants, panel={"genes": ["FLT3"]})["flt3_itd"] == [0] * 4
    names = np.array(["full", "small", None, "other"], dtype=object)
    panel = {"column": "panel", "genes": {"full": ["TP53"], "small": ["ASXL1"]}}
    assert assayed("TP53", panel, names, 4).tolist() == [True, False, False, False]
    assert values(variants, panel=panel, names=names)["tp53"] == [1, None, None, 1]


def test_panel_findings():
    found = apply("tp53", {"gene": "TP53"}, np.array([0, 1, np.nan]), {"genes": ["ASXL1"]}, None)
    assert np.array_equal(found.values, [np.nan, 1, np.nan], equal_nan=True)
    assert said(found) == [
        ("null", "not_assayed", [2]),
        ("null", "not_assayed", [0]),
        ("flagged", "contradiction", [1]),
    ]
    assert apply("tp53", {"gene": "TP53"}, np.array([0.0]), {"genes": ["TP53"]}, None).findings == []
    assert apply("age", {}, np.array([1.0]), {"genes": []}, None).values.tolist() == [1]


def test_damaged_symbols_are_counted():
    found = remarks(
        table(
            ("a", "2-Mar", "p.R1H", None),
            ("a", "9-Sep", None, None),
            ("b", "TP53", None, None),
            ("b", None, None, None),
        )
    )
    assert [(remark.reason, remark.count) for remark in found] == [("excel_artifact", 2), ("missing", 1)]


@pytest.mark.parametrize("rows", [0, 3])
def test_columns_may_be_absent(rows):
    variants = pd.DataFrame({"patient_id": pd.Categorical(["a"] * rows), "gene": pd.Categorical(["TP53"] * rows)})
    assert values(variants)["tp53_nmut"][0] == rows
