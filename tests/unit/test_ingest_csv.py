"""Reading extracts: only mapped columns, strict about shape, one clear sentence where a file is unusable."""

import copy

import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest import check_extract, ingest

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
    table = ingest(folder, MAPPING)
    assert table.columns.tolist() == ["row", "patient_id", "hb", "kras", "sex"]
    assert table["row"].tolist() == [0, 1, 2] and table["row"].dtype == "int64"
    assert table["patient_id"].tolist() == ["p1", "p2", "p3"]
    assert table["hb"].tolist() == ["9.8", "NA", " 11 "]
    assert table["kras"].tolist() == ["0", None, "1"]
    assert not table.isin(["Ann"]).any().any()


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
    table = ingest(folder, changed(files__main={"path": "main.csv", "encoding": declared}))
    assert table["hb"].tolist() == ["9.8", "é", " 11 "]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings_and_quoted_cells(folder, ending):
    text = 'PID,Name,Sex,Hb\np1,"Doe, ""A""",F,"9,8"\np2,"x\ny",M,7\n'.replace("\n", ending)
    (folder / "main.csv").write_bytes(text.encode())
    assert ingest(folder, MAPPING)["hb"].tolist() == ["9,8", "7"]


def test_unmapped_header_may_repeat_and_a_column_may_serve_two_variables(folder):
    (folder / "main.csv").write_text(MAIN.replace("Name", "Hb2").replace("PID,", "PID,"))
    mapping = changed(variables__hb_again={"column": "Hb"})
    table = ingest(folder, mapping)
    assert table["hb_again"].tolist() == table["hb"].tolist()


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
    check_refused(folder, changed(variables__hb__column="HB"), 'column "HB"', 'nearest is "Hb"', "mapping clinic")
    check_refused(folder, changed(patient_id="PIDD"), 'nearest is "PID"')


def test_wrong_delimiter_is_suspected(folder):
    check_refused(folder, changed(files__genes__delimiter=";"), "single column", "files.genes.delimiter")


def test_doubled_mapped_header(folder):
    (folder / "main.csv").write_text("PID,Hb,Sex,Hb\np1,1,F,2\n")
    check_refused(folder, MAPPING, 'column "Hb"', "2 times")


def test_duplicate_and_absent_ids(folder):
    (folder / "main.csv").write_text(MAIN + "p1,Eve,F,8\n p1 ,Eve,F,8\n")
    check_refused(folder, MAPPING, "3 rows share", 'column "PID"', check=False)
    (folder / "main.csv").write_text(MAIN + ",Eve,F,8\nNA,Eve,F,8\n")
    check_refused(folder, MAPPING, "2 rows have no patient id", check=False)
    (folder / "main.csv").write_text(MAIN)
    (folder / "sub" / "genes.tsv").write_text(GENES + "1\tp3\n")
    check_refused(folder, MAPPING, "genes.tsv", "2 rows share", check=False)


def test_files_without_common_patients(folder):
    (folder / "sub" / "genes.tsv").write_text("KRAS\tPID\n1\tx3\n")
    check_refused(folder, MAPPING, "genes.tsv", "no patient of main.csv", check=False)


def test_wrong_encoding_names_the_field(folder):
    (folder / "main.csv").write_bytes(MAIN.replace("NA", "é").encode("latin-1"))
    check_refused(folder, MAPPING, "not written in utf-8", "files.main.encoding", check=False)
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
