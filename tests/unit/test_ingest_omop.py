"""OMOP CDM 5.4 from files, databases in the extract and a PostgreSQL server: the same content gives the same tables."""

import contextlib
import copy
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

import pandas as pd
import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.omop.forms import named_columns, unit_names
from hemapilots.ingest.omop.postgres import PostgresTables
from hemapilots.ingest.omop.sql import OPERATORS
from hemapilots.ingest.readers import check_extract, ingest

HB, JAK2, KARYOTYPE, AML, TRANSPLANT, DRUG = 3000963, 3040981, 3005869, 140352, 4120445, 1314273
KINDS = ("csv", "tsv.gz", "parquet", "duckdb", "sqlite", "postgres")
SECRET = "Alder"
TABLES = {
    "person": {
        "person_id": [1, 2, 3],
        "gender_concept_id": [8507, 8532, 0],
        "year_of_birth": [1950, 1960, 1970],
        "month_of_birth": [1, 2, None],
        "day_of_birth": [5, None, None],
        "person_source_value": ["A", "B", "C"],
        "gender_source_value": [SECRET, SECRET, SECRET],
    },
    "measurement": {
        "measurement_id": list(range(1, 12)),
        "person_id": [1, 1, 1, 2, 2, 2, 3, 3, 9, 1, 2],
        "measurement_concept_id": [HB, HB, HB, HB, HB, 4, JAK2, JAK2, HB, HB, HB],
        "measurement_date": ["2020-01-01"] * 11,
        "operator_concept_id": [None, 4171756, 4172704, 0, 4172703, None, None, None, None, 999, None],
        "value_as_number": [9.8, 0.1, 20, 5.5, 7, 1, None, None, 1, 3, None],
        "value_as_concept_id": [None, None, None, None, None, None, 9191, 0, None, None, None],
        "unit_concept_id": [8713, 8713, 0, 8713, 77, 8713, None, None, 8713, 8713, 8713],
        "unit_source_value": ["g/dl", None, None, None, None, "x", None, None, None, None, None],
        "value_source_value": [None, "0.1", None, "<5.5", None, None, "pos", "neg", None, None, None],
    },
    "observation": {
        "observation_id": [1],
        "person_id": [2],
        "observation_concept_id": [KARYOTYPE],
        "observation_date": ["2020-02-01"],
        "value_as_number": [None],
        "value_as_string": ["46,XX[20]"],
        "value_as_concept_id": [0],
    },
    "death": {"person_id": [2], "death_date": ["2021-06-01"], "cause_concept_id": [AML]},
    "observation_period": {
        "observation_period_id": [1, 2],
        "person_id": [1, 1],
        "observation_period_start_date": ["2019-01-01", "2020-06-01"],
        "observation_period_end_date": ["2020-01-01", "2022-01-01"],
    },
    "condition_occurrence": {
        "condition_occurrence_id": [1, 2],
        "person_id": [1, 2],
        "condition_concept_id": [AML, AML + 1],
        "condition_start_date": ["2019-12-01", "2019-12-02"],
    },
    "procedure_occurrence": {
        "procedure_occurrence_id": [1],
        "person_id": [3],
        "procedure_concept_id": [TRANSPLANT],
        "procedure_date": ["2020-09-01"],
    },
    "drug_exposure": {
        "drug_exposure_id": [1],
        "person_id": [1],
        "drug_concept_id": [DRUG],
        "drug_exposure_start_date": ["2020-03-01"],
        "drug_exposure_end_date": [None],
    },
}
WHOLE = ("_id", "_of_birth")
MAPPING = {
    "name": "clinic",
    "reader": "omop",
    "patient_id": "person.person_id",
    "missing": {"": "missing"},
    "files": {"cdm": {"path": "cdm"}},
    "variables": {
        "sex": {"column": "person.gender_concept_id"},
        "birth": {"column": "person.birth_date"},
        "hb": {"column": f"measurement[{HB}]", "unit": "g/dL"},
        "jak2": {"column": f"measurement[{JAK2}]", "values": {"9191": 1, "neg": 0}},
        "karyotype": {"column": f"observation[{KARYOTYPE}]"},
        "death": {"column": "death.death_date"},
        "contact": {"column": "observation_period.end"},
        "onset": {"column": f"condition_occurrence.start[{AML}]"},
        "transplant": {"column": f"procedure_occurrence.date[{TRANSPLANT}]"},
        "drug": {"column": f"drug_exposure.start[{DRUG}]"},
    },
}
EXPECTED = [
    ("1", "hb", "9.8", "g/dl", "2020-01-01"),
    ("1", "hb", "<0.1", "g/dL", "2020-01-01"),
    ("1", "hb", ">20", None, "2020-01-01"),
    ("2", "hb", "<5.5", "g/dL", "2020-01-01"),
    ("2", "hb", "7", "OMOP unit concept 77", "2020-01-01"),
    ("1", "hb", "operator 999 3", "g/dL", "2020-01-01"),
    ("3", "jak2", "9191", None, "2020-01-01"),
    ("3", "jak2", "neg", None, "2020-01-01"),
    ("2", "karyotype", "46,XX[20]", None, "2020-02-01"),
    ("2", "death", "2021-06-01", None, None),
    ("1", "contact", "2020-01-01", None, None),
    ("1", "contact", "2022-01-01", None, None),
    ("1", "onset", "2019-12-01", None, None),
    ("3", "transplant", "2020-09-01", None, None),
    ("1", "drug", "2020-03-01", None, None),
]


def mapping(**more):
    return copy.deepcopy(MAPPING) | more


def frames(**changes):
    """The tables with whole numbers as such; a column that is given as None is left out."""
    found = {}
    for name, columns in TABLES.items():
        columns = columns | changes.get(name, {})
        table = pd.DataFrame({key: values for key, values in columns.items() if values is not None}, dtype=object)
        for key in table:
            if key.endswith(WHOLE):
                table[key] = pd.array(table[key], dtype="Int64")
            elif key == "value_as_number":
                table[key] = table[key].astype(float)
        found[name] = table
    return found


def write(folder: Path, kind: str, tables: dict | None = None) -> Path:
    """Writes the tables as one of KINDS; a database is one file called cdm."""
    import duckdb

    tables, path = tables or frames(), folder / "cdm"
    if kind in ("csv", "tsv.gz", "parquet"):
        path.mkdir()
        for name, table in tables.items():
            if kind == "parquet":
                table.to_parquet(path / f"{name}.parquet")
            else:
                # Some exports write names in capitals.
                shown = table.rename(columns=str.upper) if kind == "csv" else table
                shown.to_csv(path / f"{name}.{kind}", sep="\t" if kind != "csv" else ",", index=False)
    elif kind == "duckdb":
        with duckdb.connect(str(path)) as connection:
            for name, table in tables.items():
                connection.register("frame", table)
                connection.execute(f"CREATE TABLE {name} AS SELECT * FROM frame")
    else:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            for name, table in tables.items():
                table.to_sql(name, connection, index=False)
    return folder


def observed(delivered):
    table = delivered.observations.astype(object)
    table = table.where(table.notna(), None)
    return [tuple(row) for row in table[["patient_id", "variable", "value", "unit", "date"]].to_numpy().tolist()]


def programs() -> Path | None:
    """Where the programs of a PostgreSQL server lie."""
    found = [Path(found).parent for name in ("initdb",) if (found := shutil.which(name))]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in found if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


@pytest.fixture(scope="module")
def server():
    """A PostgreSQL server of this test: its address without a database schema."""
    psycopg = pytest.importorskip("psycopg")
    binaries = programs()
    if binaries is None:
        pytest.skip("there is no PostgreSQL server here: install the package postgresql to run this test")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        options = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        if os.geteuid() == 0:
            # The server refuses to run as root.
            shutil.chown(folder, "nobody")
            options["user"] = "nobody"
        (folder / "password").write_text("s3cret-word")
        os.chmod(folder, 0o755)
        os.chmod(folder / "password", 0o644)
        data = folder / "data"
        made = [binaries / "initdb", "-D", data, "-U", "tester", "-A", "scram-sha-256", "--pwfile", folder / "password"]
        subprocess.run([*map(str, made), "-E", "UTF8", "--no-sync"], check=True, **options)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        run = [binaries / "postgres", "-D", data, "-p", str(port), "-k", folder, "-h", "127.0.0.1", "-F"]
        process = subprocess.Popen([*map(str, run)], **options)
        stack.callback(lambda: (process.terminate(), process.wait(30)))
        address = f"postgresql://tester:s3cret-word@127.0.0.1:{port}/postgres"
        for _ in range(100):
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(address).close()
                break
            if process.poll() is not None:
                pytest.fail("the PostgreSQL server did not start")
            time.sleep(0.1)
        fill(address)
        yield address


def fill(address: str) -> None:
    """The tables in a schema whose name needs quotation marks, and an account that may read them only."""
    import psycopg

    types = {"Int64": "integer", "float64": "numeric"}
    with psycopg.connect(address) as connection:
        connection.execute('CREATE SCHEMA "Cdm$1"')
        for name, table in frames().items():
            columns = {
                key: "date" if key.endswith("_date") else types.get(str(table[key].dtype), "text") for key in table
            }
            shape = ", ".join(f"{key} {kind}" for key, kind in columns.items())
            connection.execute(f'CREATE TABLE "Cdm$1".{name} ({shape})')
            marks = ", ".join(["%s"] * len(columns))
            rows = [[None if pd.isna(cell) else cell for cell in row] for row in table.astype(object).to_numpy()]
            with connection.cursor() as cursor:
                cursor.executemany(f'INSERT INTO "Cdm$1".{name} VALUES ({marks})', rows)
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'pass word'")
        connection.execute('GRANT USAGE ON SCHEMA "Cdm$1" TO reader')
        connection.execute('GRANT SELECT ON ALL TABLES IN SCHEMA "Cdm$1" TO reader')
        connection.execute('REVOKE SELECT ON "Cdm$1".death FROM reader')


def delivered_from(kind: str, tmp_path, request, monkeypatch, given=None):
    given = given or mapping()
    if kind == "postgres":
        monkeypatch.setenv("OMOP_ADDRESS", request.getfixturevalue("server") + "?schema=Cdm%241")
        given |= {"files": {}, "database": "OMOP_ADDRESS"}
    else:
        write(tmp_path, kind)
    check_extract(tmp_path, given)
    return ingest(tmp_path, given)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_source_gives_the_same(kind, tmp_path, request, monkeypatch):
    delivered = delivered_from(kind, tmp_path, request, monkeypatch)
    records = delivered.records.astype(object)
    assert records["patient_id"].tolist() == ["1", "2", "3"]
    assert records["sex"].tolist() == ["8507", "8532", "0"]
    assert records["birth"].tolist() == ["1950-01-05", "1960-02", "1970"]
    assert records.columns.tolist() == ["row", "patient_id", "sex", "birth"]
    assert observed(delivered) == EXPECTED
    assert [(remark.variable, remark.status, remark.reason, remark.count) for remark in delivered.remarks] == [
        ("hb", "null", "missing", 1),
        (None, "mapped", None, 6),
        (None, "rejected", "ineligible", 1),
    ]
    assert SECRET not in delivered.records.to_string() + delivered.observations.to_string()


@pytest.mark.parametrize("kind", KINDS)
def test_other_selectors(kind, tmp_path, request, monkeypatch):
    variables = {
        "sampled": {"column": f"measurement.date[{JAK2}]"},
        "jak2": {"column": f"measurement[{JAK2}, 5]"},
        "visit": {"column": "observation_period.start"},
        "cause": {"column": "death.cause_concept_id"},
    }
    given = mapping(variables=variables, patient_id="person.person_source_value")
    delivered = delivered_from(kind, tmp_path, request, monkeypatch, given)
    assert delivered.records["patient_id"].tolist() == ["A", "B", "C"]
    assert [row[:3] for row in observed(delivered)] == [
        ("C", "sampled", "2020-01-01"),
        ("C", "sampled", "2020-01-01"),
        ("C", "jak2", "9191"),
        ("C", "jak2", "neg"),
        ("A", "visit", "2019-01-01"),
        ("A", "visit", "2020-06-01"),
        ("B", "cause", str(AML)),
    ]


@pytest.mark.parametrize("kind", ["csv", "parquet", "duckdb", "sqlite"])
def test_tables_and_columns_that_are_absent(kind, tmp_path):
    tables = frames(measurement={"measurement_date": None})
    del tables["death"]
    write(tmp_path, kind, tables)
    for look in (check_extract, ingest):
        with pytest.raises(
            HemaPilotsError, match=r'table measurement: no column "measurement_date"; export it as OMOP'
        ):
            look(tmp_path, mapping())
        without = {name: entry for name, entry in MAPPING["variables"].items() if name not in ("hb", "jak2")}
        with pytest.raises(HemaPilotsError, match=r"no table death, but the mapping wants it \(variables\.death\)"):
            look(tmp_path, mapping(variables=without))


def test_single_files_and_their_form(tmp_path):
    write(tmp_path, "csv")
    table = tmp_path / "cdm" / "measurement.csv"
    table.write_bytes(table.read_text().replace(",", ";").replace("g/dl", "g/dé").encode("latin-1"))
    files = {"people": {"path": "cdm/person.csv"}, "lab": {"path": "cdm/measurement.csv", "encoding": "latin-1"}}
    variables = {"hb": MAPPING["variables"]["hb"]}
    assert observed(ingest(tmp_path, mapping(files=files, variables=variables)))[0][3] == "g/dé"
    with pytest.raises(HemaPilotsError, match="an encoding that is not UTF-8"):
        ingest(tmp_path, mapping(variables=variables))


def test_exports_with_needless_decimals(tmp_path):
    table = frames()["measurement"]
    table["measurement_concept_id"] = table["measurement_concept_id"].astype(float)
    table["person_id"] = table["person_id"].astype(float)
    write(tmp_path, "csv", frames() | {"measurement": table})
    assert observed(ingest(tmp_path, mapping())) == EXPECTED


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text + "1,2\n", "table measurement cannot be read"),
        (lambda text: text + '12,1,"open', "table measurement cannot be read"),
        (lambda text: text.replace("PERSON_ID", "PATIENT"), 'column "person_id": not in the header'),
        (lambda text: text.replace("OPERATOR_CONCEPT_ID", "PERSON_ID"), "names it more than once"),
        (lambda text: "\x00" * 100 + text, "no header|not in the header"),
        (lambda text: "x," * 60_000 + text, "more than 50,000"),
    ],
)
def test_files_that_are_damaged(tmp_path, change, message):
    write(tmp_path, "csv")
    table = tmp_path / "cdm" / "measurement.csv"
    table.write_text(change(table.read_text()))
    with pytest.raises(HemaPilotsError, match=message) as raised:
        ingest(tmp_path, mapping())
    assert str(tmp_path) in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize("kind", ["duckdb", "sqlite", "parquet"])
def test_databases_that_are_damaged(tmp_path, kind):
    write(tmp_path, kind)
    path = tmp_path / "cdm" if kind != "parquet" else tmp_path / "cdm" / "measurement.parquet"
    content = path.read_bytes()
    for cut in (20, 200, len(content) // 2):
        path.write_bytes(content[:cut])
        with pytest.raises(HemaPilotsError) as raised:
            ingest(tmp_path, mapping())
        assert str(tmp_path) in str(raised.value)


def test_a_database_cannot_lead_out_of_the_extract(tmp_path):
    import duckdb

    (tmp_path / "outside.csv").write_text("person_id\n1\n")
    write(tmp_path, "duckdb")
    with duckdb.connect(str(tmp_path / "cdm")) as connection:
        connection.execute("DROP TABLE person")
        connection.execute(f"CREATE VIEW person AS SELECT * FROM read_csv('{tmp_path}/outside.csv')")
    with pytest.raises(HemaPilotsError, match="no table person"):
        ingest(tmp_path, mapping())
    (tmp_path / "far").mkdir()
    write(tmp_path / "far", "csv")
    (tmp_path / "near").mkdir()
    (tmp_path / "near" / "cdm").symlink_to(tmp_path / "far" / "cdm")
    with pytest.raises(HemaPilotsError, match="leaves the extract folder"):
        ingest(tmp_path / "near", mapping())


def test_a_table_twice_or_no_patient_of_it(tmp_path):
    write(tmp_path, "csv")
    frames()["person"].to_parquet(tmp_path / "cdm" / "person.parquet")
    with pytest.raises(HemaPilotsError, match=r"the table person is in person\.csv too"):
        check_extract(tmp_path, mapping())
    (tmp_path / "cdm" / "person.parquet").unlink()
    frames(person={"person_id": [11, 12, 13]})["person"].to_csv(tmp_path / "cdm" / "person.csv", index=False)
    with pytest.raises(HemaPilotsError, match="no value belongs to a row of person"):
        ingest(tmp_path, mapping())
    frames(person={"person_id": [11, None, 13]})["person"].to_csv(tmp_path / "cdm" / "person.csv", index=False)
    with pytest.raises(HemaPilotsError, match='rows have no "person_id"'):
        ingest(tmp_path, mapping())


@pytest.mark.parametrize("code", ["0", "abc", "-1", "1; DROP TABLE person", "9" * 40, "1.5"])
def test_concept_ids_are_whole_numbers(tmp_path, code):
    write(tmp_path, "csv")
    with pytest.raises(HemaPilotsError, match=r"variables\.hb\.column: .* is no concept id"):
        check_extract(tmp_path, mapping(variables={"hb": {"column": f"measurement[{code}]"}}))


def test_units_are_ucum_codes():
    registry = pytest.importorskip("ucumvert").PintUcumRegistry()
    assert len(unit_names()) >= 50 and unit_names()["8848"] == "10*3/uL"
    assert all(registry.from_ucum(unit) is not None for unit in unit_names().values())
    assert OPERATORS[4171756] == "<" and OPERATORS[4172704] == ">"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (None, "environment variable OMOP_ADDRESS: not set"),
        ("postgresql://[bad/x", "not an address|cannot be reached"),
        ("postgresql://u:s3cret-word@127.0.0.1:1/x", "cannot be reached"),
        ("host=127.0.0.1 port=1 password=s3cret-word schema=cdm", "cannot be reached"),
        ("postgresql://u:s3cret-word@h/x?schema=a;drop", "the schema is not a plain name"),
    ],
)
def test_addresses_never_show(address, message, tmp_path, monkeypatch):
    monkeypatch.delenv("OMOP_ADDRESS", raising=False)
    if address:
        monkeypatch.setenv("OMOP_ADDRESS", address)
    with pytest.raises(HemaPilotsError, match=message) as raised:
        check_extract(tmp_path, mapping(files={}, database="OMOP_ADDRESS"))
    assert "s3cret" not in str(raised.value) and "127.0.0.1" not in str(raised.value)


def test_accounts_that_may_not_read(server, tmp_path, monkeypatch):
    given = mapping(files={}, database="OMOP_ADDRESS")
    host = server.split("@")[1].split("/")[0]
    name, port = host.split(":")
    attempts = {
        f"host={name} port={port} user=reader password='pass word' dbname=postgres schema=Cdm$1": "may not read it; grant SELECT",
        f"postgresql://reader:wrong@{host}/postgres?schema=Cdm%241": "cannot be reached|refused",
        f"postgresql://tester:s3cret-word@{host}/none?schema=Cdm%241": "cannot be reached|no such database",
        f"postgresql://tester:s3cret-word@{host}/postgres?schema=other": "there is no table person",
        f"postgresql://tester:s3cret-word@{host}/postgres": "there is no table person",
    }
    for address, message in attempts.items():
        monkeypatch.setenv("OMOP_ADDRESS", address)
        with pytest.raises(HemaPilotsError, match=message) as raised:
            ingest(tmp_path, given)
        assert all(word not in str(raised.value) for word in ("s3cret", "pass word", "wrong", name, port))


def test_a_query_that_takes_too_long_is_stopped(server, tmp_path, monkeypatch):
    import psycopg

    from hemapilots.ingest.omop import postgres

    with psycopg.connect(server) as connection:
        connection.execute("CREATE SCHEMA slow")
        connection.execute("CREATE VIEW slow.person AS SELECT 1 AS person_id, 1950 AS year_of_birth FROM pg_sleep(60)")
    monkeypatch.setattr(postgres, "STATEMENT_SECONDS", 1)
    monkeypatch.setenv("OMOP_ADDRESS", server + "?schema=slow")
    with pytest.raises(HemaPilotsError, match="SQLSTATE 57014"):
        ingest(
            tmp_path, mapping(files={}, database="OMOP_ADDRESS", variables={"birth": {"column": "person.birth_date"}})
        )


@pytest.mark.parametrize("kind", ["csv", "sqlite"])
def test_the_same_source_gives_the_same_tables(kind, tmp_path):
    write(tmp_path, kind)
    first, second = ingest(tmp_path, mapping()), ingest(tmp_path, mapping())
    assert first.observations.equals(second.observations) and first.records.equals(second.records)


@pytest.mark.parametrize(
    ("given", "address", "schema"),
    [
        ("postgresql://u:p%2B@h/x?options=-c%20search_path%3Da&schema=cdm", "postgresql://u:p%2B@h/x?options=-c%20search_path%3Da", "cdm"),
        ("postgresql://u@h/x?schema=my%5Fcdm&sslmode=require", "postgresql://u@h/x?sslmode=require", "my_cdm"),
        ("postgresql://u@h/x?application_name=a+b", "postgresql://u@h/x?application_name=a+b", None),
        ("postgresql://u@h/x", "postgresql://u@h/x", None),
    ],
)  # fmt: skip
def test_addresses_keep_their_spelling(given, address, schema, monkeypatch):
    monkeypatch.setenv("OMOP_ADDRESS", given)
    tables = PostgresTables("OMOP_ADDRESS")
    assert (tables._address, tables._schema) == (address, schema)


def test_a_wide_header_is_looked_at_once():
    names = [f"c{k}" for k in range(50_000)]
    begun = time.monotonic()
    assert len(named_columns(Path("person.csv"), names)) == 50_000 and time.monotonic() - begun < 2
    with pytest.raises(HemaPilotsError, match="more than once"):
        named_columns(Path("person.csv"), ["a", "b", "A"])
