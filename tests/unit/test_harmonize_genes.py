"""Gene symbols, spreadsheet damage, and cells that say whether a gene is mutated."""

import csv
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemapilots.harmonize.findings import REASONS
from hemapilots.harmonize.genetics.genes import is_excel_artifact, known, read_gene_cells, read_gene_counts, symbol
from hemapilots.paths import RESOURCES


def flag(text):
    values, reasons = read_gene_cells(np.array([text], dtype=object))
    return reasons[0] if np.isnan(values[0]) else values[0]


def number(text):
    values, reasons = read_gene_counts(np.array([text], dtype=object))
    return reasons[0] if np.isnan(values[0]) else values[0]


@pytest.mark.parametrize(
    ("text", "approved"),
    [
        ("MLL", "KMT2A"), ("FAM46C", "TENT5C"), ("WHSC1", "NSD2"), ("MMSET", "NSD2"), ("MLL2", "KMT2D"), ("MLL3", "KMT2C"),
        ("H3F3A", "H3-3A"), ("FAM175A", "ABRAXAS1"), ("SFRS2", "SRSF2"), ("tp53", "TP53"), (" WT1 ", "WT1"),
        ("HGNC:7132", "KMT2A"), ("7132", "KMT2A"), ("MLL_PTD", "MLL_PTD"), ("KMT2A-PTD", "MLL_PTD"), ("FLT3-ITD", "FLT3_ITD"),
        ("NOTAGENE", None), ("", None), ("2-Mar", None), ("WT", None), ("9" * 500, None),
    ],
)  # fmt: skip
def test_symbols(text, approved):
    assert symbol(text) == approved


def test_the_gene_table_is_sound():
    with open(RESOURCES / "codes" / "genes.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    symbols = [row["symbol"] for row in rows]
    numbers = [row["hgnc"] for row in rows if row["hgnc"]]
    aliases = [alias for row in rows for alias in row["aliases"].split("|") if alias]
    assert symbols == sorted(symbols) and len(set(symbols)) == len(symbols)
    assert len(set(numbers)) == len(numbers)
    assert len(set(aliases)) == len(aliases) and not set(aliases) & set(symbols)
    assert {row["source"] for row in rows} == {"value set", "checked", "recalled", "feature"}
    assert all((row["source"] == "feature") == (not row["hgnc"]) == bool(row["feature_of"]) for row in rows)
    genes, _ = known()
    assert (genes["TP53"].hgnc, genes["MLL_PTD"].hgnc, genes["MLL_PTD"].feature_of) == (11998, None, "KMT2A")


@pytest.mark.parametrize(
    "text",
    [
        "2-Mar",
        "9-Sep",
        "1-Dec",
        "2. Mrz",
        "1-déc",
        "Sep-09",
        "2001-09-09",
        "2001-03-02 00:00:00",
        "1/dic",
        "09.09.2001",
        "2-mrt",
    ],
)
def test_dates_that_were_genes(text):
    assert is_excel_artifact(text)
    assert flag(text) == "excel_artifact"


@pytest.mark.parametrize("text", ["SEPT9", "MARCH2", "p.R882H", "12", "2", "mar", "DEC1", "c.1-2del"])
def test_genes_that_are_no_dates(text):
    assert not is_excel_artifact(text)


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        (["wt", "WT", "neg", "Neg.", "-", "non muté", "unmutated", "wild-type", "Wildtyp", "nicht mutiert", "no mutado", "0",
          "sem mutação", "geen mutatie", "χωρίς μετάλλαξη", "not detected", "WT1 WT", "0 mutations", "c.2646C>T p.(Arg882=)",
          "negativ (Exon 12)", "negativ(Exon 12)"], 0),
        (["mut", "pos", "positive", "mutiert", "muté", "p.R882H", "p.(Arg882His)", "c.2645G>A", "R882H", "2 mutations", "1",
          "NM_022552.5:c.2645G>A p.(Arg882His)", "p.W288Cfs*12", "c.863_864insTCTG", "p.R882H (VAF 45 %)", "WT1 mut",
          "TP53 p.R175H; p.Y220C", "Y591_V592insVDFREYEYD", "likely pathogenic", "FLT3-ITD", "exon 12 mutation"], 1),
        (["VUS", "p.R882H (VUS)", "Variant of uncertain significance", "unklare Signifikanz", "class 3", "2"], "code_unknown"),
        (["see report", "WT1", "?", "45 %", "wt or mut", "p.R882H not sure", "positive for something", "x" * 1000], "free_text_unmapped"),
        (["not assayed", "nicht im Panel", "non testé"], "not_assayed"),
    ],
)  # fmt: skip
def test_gene_cells(texts, wanted):
    assert {text: flag(text) for text in texts} == dict.fromkeys(texts, wanted)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("0", 0), ("1", 1), ("2", 2), ("2+", 2), ("2 mutations", 2), ("3 mutazioni", 3), ("wt", 0), ("p.R175H", 1),
     ("p.R175H; p.Y220C", 2), ("mut", "free_text_unmapped"), ("VUS", "code_unknown"), ("x", "free_text_unmapped")],
)  # fmt: skip
def test_counts(text, wanted):
    assert number(text) == wanted


def test_a_polymorphism_is_no_mutation():
    for text in (
        "p.P72R",
        "P72R",
        "p.(Pro72Arg)",
        "TP53 p.P72R",
        "NM_000546.6:c.215C>G p.(Pro72Arg)",
        "p.P72R (VAF 50 %)",
    ):
        cells = np.array([text], dtype=object)
        for read in (read_gene_cells, read_gene_counts):
            values, reasons = read(cells, "TP53")
            assert np.isnan(values[0]) and reasons[0] == "code_unknown", text
    both = np.array(["p.R175H; p.P72R"], dtype=object)
    assert (read_gene_cells(both, "TP53")[0][0], read_gene_counts(both, "TP53")[0][0]) == (1, 1)
    assert read_gene_cells(np.array(["p.P72R"], dtype=object), "NRAS")[0][0] == 1


PIECES = ["p.", "R882", "H", "c.", "12", "+", "_", "del", " ", ";", "VUS", "(", "=", "mut", "%"]


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=20).map("".join)))
def test_any_text_gets_a_value_or_a_reason(text):
    values, reasons = read_gene_cells(np.array([text], dtype=object))
    assert np.isnan(values[0]) == (reasons[0] is not None)
    assert reasons[0] is None or reasons[0] in REASONS


def test_hostile_texts_take_no_time():
    texts = [
        "p." * 200,
        "1" * 400,
        "(" * 400,
        " " * 399 + "x",
        "c.1" + "_" * 390,
        "vaf" * 130,
        "A1" * 200,
        "exon " * 80,
        "=" * 10**6,
    ]
    start = time.perf_counter()
    read_gene_cells(np.array(texts * 20, dtype=object))
    assert time.perf_counter() - start < 2
