"""The numbered dirty-data cases of karyotypes, genes and FISH, from a file to the harmonized table."""

from dirty import run

GENE = {"tp53": {"type": "flag", "gene": "TP53"}}
SEX = {"sex": {"type": "category", "levels": ["F", "M"]}}
KARYOTYPE = {
    "karyotype": {"type": "karyotype"},
    "n_abn": {"type": "number", "unit": "1", "karyotype": "n_abn"},
    "complex": {"type": "flag", "karyotype": "complex"},
    "del5q": {"type": "flag", "karyotype": "del5q"},
    "cyto_ipssr": {
        "type": "category",
        "levels": ["very_good", "good", "intermediate", "poor", "very_poor"],
        "karyotype": "cyto_ipssr",
    },
}


def karyotypes(tmp_path, *texts, sex=None):
    columns = {"karyotype": list(texts)} | ({"sex": sex} if sex else {})
    mapping = {"variables": {"sex": {"column": "sex", "values": {"F": "F", "M": "M"}}}} if sex else None
    return run(tmp_path, columns, KARYOTYPE | (SEX if sex else {}), mapping)


def test_case_29_a_blank_gene_cell_outside_the_panel_is_not_assayed(tmp_path):
    outcome = run(tmp_path, {"tp53": ["", "0"]}, GENE, {"panel": {"genes": ["ASXL1"]}})
    assert outcome.values("tp53") == [None, None]
    assert outcome.count("tp53", "null", "not_assayed") == 2


def test_case_30_a_delivered_zero_outside_the_panel_is_not_assayed(tmp_path):
    columns = {"tp53": ["0", "0", "1"], "panel": ["large", "small", "small"]}
    panel = {"column": "panel", "genes": {"large": ["TP53", "ASXL1"], "small": ["ASXL1"]}}
    outcome = run(tmp_path, columns, GENE, {"panel": panel})
    assert outcome.values("tp53") == [0, None, 1]
    assert outcome.said("tp53", 1) == [("null", "not_assayed")]
    assert outcome.said("tp53", 2) == [("flagged", "contradiction")]


def test_case_31_words_for_wild_type_also_of_the_gene_wt1(tmp_path):
    cells = ["wt", "WT", "neg", "-", "non muté", "unmutated"]
    outcome = run(tmp_path, {"wt1": cells}, {"wt1": {"type": "flag", "gene": "WT1"}})
    assert outcome.values("wt1") == [0] * 6


def test_case_32_words_and_variants_for_mutated_and_their_number(tmp_path):
    cells = ["mut", "pos", "p.R882H", "c.2645G>A", "2 mutations"]
    count = {"tp53_nmut": {"type": "number", "unit": "1", "gene": "TP53", "of_variants": "count"}}
    mapping = {"variables": {"tp53_nmut": {"column": "tp53", "unit": "1"}}}
    outcome = run(tmp_path, {"tp53": cells}, GENE | count, mapping)
    assert outcome.values("tp53") == [1] * 5
    assert outcome.value("tp53_nmut", 4) == 2


def test_case_33_aliases_and_symbols_that_a_spreadsheet_turned_into_dates(tmp_path):
    variables = {"kmt2a": {"type": "flag", "gene": "KMT2A"}, "srsf2": {"type": "flag", "gene": "SRSF2"}}
    variants = {"patient_id": ["p0", "p0", "p1"], "gene": ["MLL", "2-Mar", "SFRS2"]}
    mapping = {"variants": {"file": "variants", "gene": "gene"}}
    outcome = run(tmp_path, {"age": ["50", "60"]}, variables, mapping, files={"variants": variants})
    assert outcome.values("kmt2a") == [1, 0]
    assert outcome.values("srsf2") == [0, 1]
    assert outcome.issues.loc[outcome.issues["reason"] == "excel_artifact", "count"].sum() == 1
    outcome = run(tmp_path, {"tp53": ["9-Sep", "1"]}, GENE)
    assert outcome.values("tp53") == [None, 1]
    assert outcome.said("tp53", 0) == [("null", "excel_artifact")]


def test_case_34_a_variant_of_uncertain_significance_is_not_a_mutation(tmp_path):
    outcome = run(tmp_path, {"tp53": ["VUS", "p.R175H (VUS)", "likely pathogenic"]}, GENE)
    assert outcome.values("tp53") == [None, None, 1]
    assert outcome.said("tp53", 0) == outcome.said("tp53", 1) == [("null", "code_unknown")]


def test_case_35_iscn_gives_the_number_the_flags_and_the_category(tmp_path):
    outcome = karyotypes(tmp_path, "46,XY,del(5)(q13q33)[12]/46,XY[8]")
    assert (outcome.value("n_abn"), outcome.value("del5q"), outcome.value("cyto_ipssr")) == (1, 1, "good")
    assert "karyotype" not in outcome.harmonized


def test_case_36_case_spaces_words_and_fish_parts(tmp_path):
    texts = ["47,XX,+8", "47,xx,+8", "46xx", "normal", "46, XY [20]", "46,XY[20].nuc ish(D8Z2x3)[40/200]"]
    outcome = karyotypes(tmp_path, *texts)
    assert outcome.values("n_abn") == [1, 1, 0, 0, 0, 0]
    assert outcome.values("cyto_ipssr") == ["intermediate"] * 2 + ["good"] * 4


def test_case_37_complex_alone_has_no_number_and_no_category(tmp_path):
    outcome = karyotypes(tmp_path, "complex", "complex (> 3)", "complex, 3 abnormalities", "46,XX")
    assert outcome.values("complex") == [1, 1, 1, 0]
    assert outcome.values("n_abn") == [None, None, 3, 0]
    assert outcome.values("cyto_ipssr") == [None, "very_poor", "poor", "good"]
    assert outcome.said("cyto_ipssr", 0) == [("null", "parse_error")]


def test_case_38_failed_cultures_are_never_good(tmp_path):
    outcome = karyotypes(tmp_path, "no mitoses", "échec", "keine Metaphasen", "46,XX")
    assert outcome.values("cyto_ipssr") == [None, None, None, "good"]
    assert outcome.count("cyto_ipssr", "null", "cyto_failed") == 3


def test_case_39_constitutional_changes_are_flagged_and_not_counted(tmp_path):
    outcome = karyotypes(tmp_path, "47,XXY[20]", "46,XX,inv(9)(p12q13)[20]")
    assert outcome.values("n_abn") == [0, 0]
    assert ("flagged", "ineligible") in outcome.said("karyotype", 0) and ("flagged", "ineligible") in outcome.said(
        "karyotype", 1
    )


def test_case_40_a_lost_y_in_a_female_rejects_the_record(tmp_path):
    outcome = karyotypes(tmp_path, "45,X,-Y[12]/46,XY[8]", "45,X,-Y[12]/46,XY[8]", sex=["F", "M"])
    assert outcome.rows == [1]
    assert outcome.value("cyto_ipssr", 1) == "very_good"
    assert outcome.issues.query("status == 'rejected' and reason == 'contradiction'")["row"].tolist() == [0]


def test_case_42_a_fish_percentage_below_its_cut_off_is_negative_and_kept(tmp_path):
    variables = {"del17p_percent": {"type": "number", "unit": "%"}, "del17p": {"type": "flag"}}
    mapping = {"derived": {"del17p": "del17p_percent >= 20"}}
    outcome = run(tmp_path, {"del17p_percent": ["8 %", "55 %", ""]}, variables, mapping)
    assert outcome.values("del17p_percent") == [8, 55, None]
    assert outcome.values("del17p") == [0, 1, None]


def test_case_43_three_to_four_copies_are_a_gain_and_perhaps_an_amplification(tmp_path):
    variables = {"gain1q": {"type": "flag"}, "amp1q": {"type": "flag"}}
    copies = {"copies_1q": {"column": "1q21", "type": "number", "unit": "1"}}
    derived = {"gain1q": "copies_1q >= 3", "amp1q": "case(copies_1q >= 4, 1, copies_1q <= 3, 0, 0 / 0)"}
    outcome = run(tmp_path, {"1q21": ["2", "3", "3-4", "4"]}, variables, {"auxiliary": copies, "derived": derived})
    assert outcome.values("gain1q") == [0, 1, 1, 1]
    assert outcome.values("amp1q") == [0, 0, None, 1]
    # The same as words: one column, two variables, each with its own meaning of the words.
    gain = {"column": "1q21", "values": {"2 copies": 0, "3 copies": 1, "3-4 copies": 1, "4 copies": 1}}
    amplified = {"column": "1q21", "values": {"2 copies": 0, "3 copies": 0, "3-4 copies": None, "4 copies": 1}}
    words = {"1q21": ["2 copies", "3 copies", "3-4 copies", "4 copies"]}
    outcome = run(tmp_path, words, variables, {"variables": {"gain1q": gain, "amp1q": amplified}})
    assert outcome.values("gain1q") == [0, 1, 1, 1]
    assert outcome.values("amp1q") == [0, 0, None, 1]
