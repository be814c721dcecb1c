"""Encodings and delimiters by trial: what is found is the text that was written, and what cannot be decided is an error."""

from itertools import product
from pathlib import Path

import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.dialect import decode, find_delimiter, without_preamble

PATH = Path("data.csv")
GERMAN = "id;Geschlecht;Befund\np1;männlich;erhöht\np2;weiblich;Größe 3 µg\n"
FRENCH = "id;sexe;LDH\np1;féminin;élevée à l’entrée\np2;masculin;normale, déjà traité\n"
SPANISH = "id;sexo;dato\np1;varón;niño, nº 3\np2;mujer;leucocitosis, 10³ células\n"


def text(content: bytes, declared: str | None = None) -> str:
    return decode(PATH, content, declared, "files.main (encoding)").content.decode()


def said(content: bytes, declared: str | None = None) -> list[tuple]:
    return [(r.reason, r.detail, r.count) for r in decode(PATH, content, declared, "files.main (encoding)").remarks]


ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "latin-1", "mac-roman")
# Latin-1 has no œ, and Mac Roman lacks a letter of the Spanish text.
LACKING = {(FRENCH, "latin-1"), (SPANISH, "mac-roman")}


@pytest.mark.parametrize(
    ("written", "encoding"), sorted({*product((GERMAN, FRENCH, SPANISH), ENCODINGS)} - LACKING, key=str)
)
def test_every_encoding_is_found_and_recorded(written, encoding):
    content = written.encode(encoding)
    assert text(content) == written
    assert bool(said(content)) == (encoding != "utf-8")


@pytest.mark.parametrize("sign", ["§ 3", "nº 3", "10³", "2–4", "’s", "„x“", "5 €", "±2", "wait…", "½"])
def test_signs_of_cp1252_are_not_taken_for_letters_of_a_macintosh(sign):
    assert text(f"id;note\np1;{sign}\n".encode("cp1252")) == f"id;note\np1;{sign}\n"


@pytest.mark.parametrize("wrong", ["cp1252", "latin-1"])
@pytest.mark.parametrize("written", [GERMAN, FRENCH, SPANISH, "α-Thalassämie ≥ 3\n"])
def test_text_that_was_encoded_twice_is_mended(written, wrong):
    # What cp1252 has no letter for, programs leave as it is.
    twice = "".join(
        bytes([byte]).decode(wrong, errors="ignore") or chr(byte) for byte in written.encode("utf-8")
    ).encode()
    assert text(twice) == written
    assert [reason for reason, _, _ in said(twice)] == ["encoding"]


def test_only_what_was_encoded_twice_is_mended():
    assert text("Ã©levÃ©; männlich; SÃO PAULO; Âge\n".encode()) == "élevé; männlich; SÃO PAULO; Âge\n"
    assert said("Ã©levÃ©; männlich\n".encode()) == [("encoding", "data.csv: UTF-8 that was saved twice, mended", 2)]


@pytest.mark.parametrize("lost", ["m\ufffdnnlich", "mï¿½nnlich"])
def test_lost_letters_reject_the_file(lost):
    with pytest.raises(HemaPilotsError, match="letters were lost .* 2 lines; encoding"):
        text(f"a\n{lost}\n{lost} {lost}\n".encode())


def test_what_is_declared_is_checked_against_what_is_found():
    for declared in ("cp1252", "latin-1", "mac-roman", "utf-16"):
        assert text(GERMAN.encode(), declared) == GERMAN
        assert (
            said(GERMAN.encode(), declared)[0][1]
            == f"data.csv: declared as {declared} but written in UTF-8, read as that"
        )
    assert said(GERMAN.encode("latin-1"), "ISO-8859-1") == [] == said(GERMAN.encode(), "UTF8")
    for declared in ("utf-8", "ascii", "rot13", "base64"):
        with pytest.raises(HemaPilotsError, match=r"not written in .*files.main \(encoding\)"):
            text(GERMAN.encode("cp1252"), declared)
    with pytest.raises(HemaPilotsError, match=r'there is no encoding "german"; mend files.main \(encoding\)'):
        text(GERMAN.encode("cp1252"), "german")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\xef\xbb\xbf\xff", b"a\x00b\n", "a;b\n".encode("utf-16-le")])
def test_what_is_not_text_is_refused(content):
    with pytest.raises(HemaPilotsError, match="export it again"):
        text(content)


@pytest.mark.parametrize(("ends", "mixed"), [("\n", 0), ("\r\n", 0), ("\r", 0), ("\r\n\n", 1), ("\r\n\r", 1)])
def test_mixed_line_ends_are_recorded(ends, mixed):
    assert len(said(f"a;b{ends}1;2{ends}".encode())) == mixed


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "rows", ["a;b;c\n1;2;3\n", 'a;b;c\n"1;5";"x\ny;z";3\n', "a;b, unit;c\n9,8;1,5;7,0\n", "a;b\n9,8;1\n"]
)
def test_the_delimiter_is_the_one_that_makes_a_table(sign, rows):
    content = (rows.replace(",", ".") if sign == "," else rows).replace(";", sign).encode()
    found, remarks = find_delimiter(PATH, content, None, "files.main (delimiter)")
    assert found == sign and len(remarks) == (sign != ",")


def test_a_delimiter_that_cannot_be_told_is_asked_for():
    with pytest.raises(HemaPilotsError, match=r"cannot be told; name it in files.main \(delimiter\)"):
        find_delimiter(PATH, b"a;b,c\n1;2,3\n", None, "files.main (delimiter)")


def test_lines_above_the_header():
    assert without_preamble(b"\r\n \nid;x\n") == (b"id;x\n", None)
    assert without_preamble(b"sep=;\r\nid;x\n") == (b"id;x\n", ";")
    assert without_preamble(b"sep=x long\nid\n") == (b"sep=x long\nid\n", None)
