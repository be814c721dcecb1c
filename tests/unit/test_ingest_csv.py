"""Reading extracts: only mapped columns, strict about shape, one clear sentence where a file is unusable."""

import copy

import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.files import data_path
from hemapilots.ingest.readers import check_extract, ingest
from tabular_sample import cells

MAPPING = {
    "name": "clinic",
    "reader": "csv",
    "patient_id": "PID",
    "missing": ["NA", ""],
    "files": {"main": {"path": "main.csv"}, "genes": {"path": "sub/genes.tsv", "delimiter": "\t"}},
    "variables": {
        "hb": {"column": "Hb"},
        "kras": {"file": "genes", "column": "KRAS"},
        "sex": {"column": "Sex"},
    },
}
MAIN = "PID,Name,Sex,Hb\np1,Ann,F,9.8\np2,Bob,M,NA\np3,Cid,M, 11 \n"
GENES = "KRAS\tPID\n1\tp3\n0\tp1\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "main.csv").write_text(MAIN)
    (tmp_path / "sub" / "genes.tsv").write_text(GENES)
    return tmp_path


def changed(**changes):
    mapping = copy.deepcopy(MAPPING)
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = mapping
        for parent in parents:
            place = place[parent]
        place[last] = value
    return mapping


def test_joins_on_the_patient_id_and_keeps_raw_text(folder):
    table = ingest(folder, MAPPING).records
    assert table.columns.tolist() == ["row", "patient_id", "hb", "kras", "sex"]
    assert table["row"].tolist() == [0, 1, 2] and table["row"].dtype == "int64"
    assert table["patient_id"].tolist() == ["p1", "p2", "p3"]
    assert cells(folder, MAPPING, "hb") == ["9.8", "NA", " 11 "]
    assert cells(folder, MAPPING, "kras") == ["0", None, "1"]
    assert not table.astype(object).isin(["Ann"]).any().any()


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", None),
        ("utf-8-sig", "utf-8"),
        ("cp1252", "cp1252"),
        ("latin-1", "latin-1"),
        ("utf-16", "utf-16"),
    ],
)
def test_encodings(folder, encoding, declared):
    (folder / "main.csv").write_bytes(MAIN.replace("NA", "é").encode(encoding))
    mapping = changed(files__main={"path": "main.csv", "encoding": declared})
    assert cells(folder, mapping, "hb") == ["9.8", "é", " 11 "]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings_and_quoted_cells(folder, ending):
    text = 'PID,Name,Sex,Hb\np1,"Doe, ""A""",F,"9,8"\np2,"x\ny",M,7\n'.replace("\n", ending)
    (folder / "main.csv").write_bytes(text.encode())
    assert cells(folder, MAPPING, "hb") == ["9,8", "7"]


def test_unmapped_header_may_repeat_and_a_column_may_serve_two_variables(folder):
    (folder / "main.csv").write_text(MAIN.replace("Name", "Hb2").replace("PID,", "PID,"))
    mapping = changed(variables__hb_again={"column": "Hb"})
    assert cells(folder, mapping, "hb_again") == cells(folder, mapping, "hb")


def check_refused(folder, mapping, *words, check=True):
    with pytest.raises(HemaPilotsError) as error:
        ingest(folder, mapping)
    message = str(error.value)
    for word in words:
        assert word in message
    assert message.isprintable() and "; " in message
    for secret in ("p1,", "p2,", "Ann", "Bob", "9.8"):
        assert secret not in message.replace(str(folder), "")
    if check:
        with pytest.raises(HemaPilotsError):
            check_extract(folder, mapping)


def test_missing_file(folder):
    check_refused(folder, changed(files__genes__path="none.tsv"), "none.tsv", "no such file", "files.genes.path")


@pytest.mark.parametrize("path", ["../main.csv", "/etc/passwd", "sub/../../x.csv", "C:\\x.csv", "..\\x.csv", ""])
def test_path_outside_the_extract(folder, path):
    check_refused(folder, changed(files__main__path=path), "leaves the extract folder", "files.main.path")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"  \n"])
def test_empty_file(folder, content):
    (folder / "main.csv").write_bytes(content)
    check_refused(folder, MAPPING, "main.csv", "empty")


def test_header_without_rows(folder):
    (folder / "main.csv").write_text("PID,Sex,Hb\n")
    check_refused(folder, MAPPING, "no data row", check=False)


def test_git_lfs_pointer(folder):
    (folder / "main.csv").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    check_refused(folder, MAPPING, "Git-LFS pointer", "git lfs pull")


def test_absent_column_names_the_nearest(folder):
    check_refused(folder, changed(variables__hb__column="Hbb"), 'column "Hbb"', 'nearest is "Hb"', "mapping clinic")
    check_refused(folder, changed(patient_id="PIDD"), 'nearest is "PID"')


def test_wrong_delimiter_is_suspected(folder):
    check_refused(folder, changed(files__genes__delimiter=";"), "single column", "files.genes.delimiter")


def test_doubled_mapped_header(folder):
    (folder / "main.csv").write_text("PID,Hb,Sex,Hb\np1,1,F,2\n")
    check_refused(folder, MAPPING, 'column "Hb"', "2 times")


def test_duplicate_and_absent_ids(folder):
    (folder / "main.csv").write_text(MAIN + "p1,Eve,F,8\n p1 ,Eve,F,8\n")
    assert ingest(folder, MAPPING).records["patient_id"].tolist() == ["p1", "p2", "p3", "p1", "p1"]
    (folder / "main.csv").write_text(MAIN + ",Eve,F,8\nNA,Eve,F,8\n")
    check_refused(folder, MAPPING, "2 rows have no patient id", check=False)
    (folder / "main.csv").write_text(MAIN)
    (folder / "sub" / "genes.tsv").write_text(GENES + "1\tp3\n")
    check_refused(folder, MAPPING, "genes.tsv", "2 rows share", "files.genes.repeated: true", check=False)


def test_files_without_common_patients(folder):
    (folder / "sub" / "genes.tsv").write_text("KRAS\tPID\n1\tx3\n")
    check_refused(folder, MAPPING, "genes.tsv", "no patient of main.csv", check=False)


def test_wrong_encoding_names_the_field(folder):
    (folder / "main.csv").write_bytes(MAIN.replace("NA", "é").encode("latin-1"))
    declared = changed(files__main={"path": "main.csv", "encoding": "utf-8"})
    check_refused(folder, declared, "not written in utf-8", "files.main", "(encoding)", check=False)
    check_refused(folder, changed(files__main={"path": "main.csv", "encoding": "utf-99"}), "utf-99")


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("p4,Dan,M\n", ["record 5", "3 fields", "has 4", "1 such"]),
        ("p4,Dan,M,1,2\np5,E,M\n", ["record 5", "5 fields", "2 such"]),
        ('p4,"Dan,M,1\np5,Eve,F,2\n', ["do not pair up"]),
    ],
)
def test_rows_that_do_not_fit(folder, extra, words):
    (folder / "main.csv").write_text(MAIN + extra)
    check_refused(folder, MAPPING, "main.csv", *words, check=False)


def test_unknown_reader(folder):
    check_refused(folder, changed(reader="cvs"), 'no reader "cvs"', "csv")


def test_check_looks_at_headers_only(folder):
    (folder / "main.csv").write_text(MAIN + "p1,Eve,F,8\n")
    check_extract(folder, MAPPING)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_a_delimiter_that_is_not_declared_is_found_and_recorded(folder, delimiter):
    text = "PID;Name;Sex;Hb\np1;Ann, A.;F;9,8\np2;Bob;M;10,1\n".replace(";", delimiter)
    (folder / "main.csv").write_text(text)
    assert cells(folder, MAPPING, "hb") == ["9,8", "10,1"]
    remarks = ingest(folder, MAPPING).remarks
    assert any("separated by" in remark.detail and remark.status == "inferred" for remark in remarks)


def test_an_encoding_that_is_not_declared_is_found_and_recorded(folder):
    (folder / "main.csv").write_bytes(MAIN.replace("NA", "männlich").encode("cp1252"))
    assert cells(folder, MAPPING, "hb") == ["9.8", "männlich", " 11 "]
    assert any(remark.reason == "encoding" and "cp1252" in remark.detail for remark in ingest(folder, MAPPING).remarks)


def test_other_names_of_a_column(folder):
    mapping = changed(variables__hb={"column": "Hämoglobin", "aliases": ["HGB", "Hb"]})
    assert cells(folder, mapping, "hb") == ["9.8", "NA", " 11 "]
    (folder / "main.csv").write_text(MAIN.replace("Name", "HGB"))
    check_refused(folder, mapping, 'column "HGB"', '"Hb" would be hb too', "variables.hb.column")


def test_a_header_is_found_without_case_accents_and_punctuation(folder):
    (folder / "main.csv").write_text(MAIN.replace("Hb", "Hémoglobine (g/dl)"))
    assert cells(folder, changed(variables__hb__column="hemoglobine [g/dL]"), "hb") == ["9.8", "NA", " 11 "]


def test_units_dates_and_limits_beside_a_value(folder):
    (folder / "main.csv").write_text("PID,Sex,Hb,unit,day,uln\np1,F,9.8,g/dL,2020-01-02,14\n")
    columns = {"unit_column": "unit", "date": "day", "uln_column": "uln"}
    mapping = changed(variables__hb={"column": "Hb", **columns})
    found = {part: cells(folder, mapping, f"hb__{part}") for part in ("unit", "date", "uln")}
    assert found == {"unit": ["g/dL"], "date": ["2020-01-02"], "uln": ["14"]}


def test_repeated_rows_become_observations(folder):
    (folder / "labs.csv").write_text(
        "id,day,Plt\np2,2020-01-01,90\np1,2020-02-01,\np1,2020-03-01,95\nx9,2020-01-01,1\n"
    )
    mapping = changed(files__labs={"path": "labs.csv", "patient_id": "id", "repeated": True, "date": "day"})
    mapping["variables"]["plt"] = {"column": "Plt", "file": "labs"}
    delivered = ingest(folder, mapping)
    assert "plt" not in delivered.records
    table = delivered.observations.astype(object)
    assert table[["row", "patient_id", "variable", "value", "date"]].values.tolist() == [
        [0, "p2", "plt", "90", "2020-01-01"],
        [2, "p1", "plt", "95", "2020-03-01"],
    ]
    assert table["unit"].isna().all()
    assert [(remark.status, remark.detail, remark.count) for remark in delivered.remarks if remark.variable is None][
        -1
    ] == ("rejected", "only in labs", 1)


def test_a_table_of_variants(folder):
    (folder / "maf.csv").write_text("PID,Gene,AA,VAF\np1,TP53,p.R175H,0.4\np1,TET2,,0.1\nx9,KRAS,,0.2\n")
    mapping = changed(
        files__maf={"path": "maf.csv"}, variants={"file": "maf", "gene": "Gene", "protein": "AA", "vaf": "VAF"}
    )
    table = ingest(folder, mapping).variants.astype(object)
    assert table[["patient_id", "gene", "protein", "vaf"]].values.tolist() == [
        ["p1", "TP53", "p.R175H", "0.4"],
        ["p1", "TET2", "", "0.1"],
    ]


def test_a_link_that_leaves_the_extract(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "main.csv"
    outside.write_text(MAIN)
    (folder / "main.csv").unlink()
    (folder / "main.csv").symlink_to(outside)
    check_refused(folder, MAPPING, "leaves the extract folder")


def test_a_header_of_absurd_width(folder):
    (folder / "main.csv").write_text("PID,Sex,Hb" + ",x" * 60_000 + "\np1,F,1" + "," * 60_000 + "\n")
    check_refused(folder, MAPPING, "60,003 columns", check=False)


def test_a_name_of_signs_only_is_not_a_column_without_a_name(folder):
    (folder / "main.csv").write_text("PID,Sex,\np1,F,9.8\n")
    check_refused(folder, changed(variables__hb__column="%"), 'column "%": not in the header')


def test_two_columns_of_one_variable_name_the_rule_and_the_remedy(folder):
    (folder / "main.csv").write_text("PID,Sex,Hb,HGB\np1,F,9.8,9.9\n")
    both = changed(variables__hb={"column": "Hb", "aliases": ["HGB"]})
    check_refused(folder, both, "unit_conflict", "take the other from its aliases")
    assert cells(folder, changed(files__genes__path="main.csv", variables={"hb": {"column": "Hb"}}), "hb") == ["9.8"]


def test_lines_above_the_header(folder):
    for above in ("\n", "\r\n \n", "sep=,\n"):
        (folder / "main.csv").write_text(above + MAIN)
        check_extract(folder, MAPPING)
        assert cells(folder, MAPPING, "hb") == ["9.8", "NA", " 11 "]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig", "cp1252"])
def test_the_quick_look_reads_the_same_encodings(folder, encoding):
    (folder / "main.csv").write_bytes(MAIN.replace("Sex", "Größe").encode(encoding))
    check_extract(folder, changed(variables__sex__column="Größe"))


def test_the_quick_look_at_a_large_file(folder, monkeypatch):
    # The cut falls into a letter, and behind the header.
    for encoding, head in (("utf-8", 20), ("utf-8", 21), ("utf-16", 47), ("cp1252", 20)):
        (folder / "main.csv").write_bytes(MAIN.replace("Ann", "Ännchen").encode(encoding))
        monkeypatch.setattr("hemapilots.ingest.text.HEAD", head)
        check_extract(folder, changed(variables={"hb": {"column": "Hb"}}))


def test_a_path_that_no_system_takes(folder):
    check_refused(folder, changed(files__main__path="x" * 2000), "there is no such file")


def test_a_folder_is_a_path_only_where_a_reader_asks_for_it(folder, tmp_path_factory):
    mapping = changed(files__main__path="sub")
    assert data_path(folder, mapping, "main", folders=True) == folder / "sub"
    check_refused(folder, mapping, "there is no such file")
    (folder / "away").symlink_to(tmp_path_factory.mktemp("away"))
    with pytest.raises(HemaPilotsError, match="a link that leaves the extract folder"):
        data_path(folder, changed(files__main__path="away"), "main", folders=True)


def test_a_text_that_memory_does_not_hold_is_refused_unread(folder, monkeypatch):
    monkeypatch.setattr("hemapilots.ingest.text.MAXIMUM_BYTES", 20)
    check_refused(folder, MAPPING, "main.csv", "MiB of text", "deliver it as Parquet", check=False)
