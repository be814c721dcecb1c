"""Parquet: the mapped columns as the same text that a CSV of the same table would give, and clear refusals."""

from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest import parquet as reader
from hemapilots.ingest.readers import check_extract, ingest
from tabular_sample import TABLE, VARIABLES, cells, mapping_of

mapping = partial(mapping_of, "parquet")


def test_parquet_columns_become_the_same_text(tmp_path):
    TABLE.assign(Day=TABLE["Day"].dt.date).to_parquet(tmp_path / "data.parquet")
    source = mapping("data.parquet")
    assert cells(tmp_path, source, "hb") == ["9.8", "11", None]
    assert cells(tmp_path, source, "day") == ["2019-05-01", "2020-02-29", None]
    assert cells(tmp_path, source, "text") == ["9,8", " x ", None]
    check_extract(tmp_path, source)


def test_parquet_of_every_plain_type(tmp_path):
    table = pd.DataFrame(
        {"PID": [1, 2], "Hb": np.array([3, 4], "int8"), "Text": pd.Categorical(["a", "b"]), "Day": [True, False]}
    )
    table.to_parquet(tmp_path / "data.parquet")
    source = mapping("data.parquet")
    assert ingest(tmp_path, source).records["patient_id"].tolist() == ["1", "2"]
    found = {name: cells(tmp_path, source, name) for name in VARIABLES}
    assert found == {"hb": ["3", "4"], "day": ["true", "false"], "text": ["a", "b"]}


def test_parquet_of_lists_is_refused(tmp_path):
    TABLE.assign(Hb=[[1], [2], [3]]).to_parquet(tmp_path / "data.parquet")
    with pytest.raises(HemaPilotsError, match='column "Hb": a column of lists'):
        ingest(tmp_path, mapping("data.parquet"))


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (pa.array([9.8, None, 0.1], pa.float32()), ["9.8", None, "0.1"]),
        (pa.array([9.0, float("nan"), 1.5]), ["9", None, "1.5"]),
        (pa.array(["a", None, "b"]).dictionary_encode(), ["a", None, "b"]),
        (pa.DictionaryArray.from_arrays(pa.array([0, 1, 2], pa.uint8()), pa.array(["a", None, "a"])), ["a", None, "a"]),
        (pa.array([0, None, 86_400_000_000_000], pa.timestamp("ns")), ["1970-01-01", None, "1970-01-02"]),
        (pa.array([b"x", None, b"y"]), ["x", None, "y"]),
        (pa.array([None, None, None], pa.null()), [None, None, None]),
    ],
)
def test_a_value_becomes_text(column, texts):
    found = reader.as_categorical(pa.chunked_array([column]))
    assert [None if pd.isna(text) else text for text in found] == texts


def test_dictionaries_of_several_row_groups_are_joined(tmp_path):
    table = pa.table({"PID": ["p1", "p2", "p3"], "Hb": pa.array(["9", "10", "9"]).dictionary_encode()})
    parquet.write_table(
        table.append_column("Day", table["PID"]).append_column("Text", table["PID"]),
        tmp_path / "data.parquet",
        row_group_size=1,
    )
    assert cells(tmp_path, mapping("data.parquet"), "hb") == ["9", "10", "9"]


@pytest.mark.parametrize("limit", ["MAXIMUM_ROWS", "MAXIMUM_CELLS", "MAXIMUM_UNPACKED"])
def test_what_is_too_large_is_refused_by_its_metadata(tmp_path, monkeypatch, limit):
    TABLE.to_parquet(tmp_path / "data.parquet")
    monkeypatch.setattr(reader, limit, 2)
    with pytest.raises(HemaPilotsError, match="data.parquet.*(split it|as a database)"):
        ingest(tmp_path, mapping("data.parquet"))


@pytest.mark.parametrize("content", [b"not Parquet", b"PAR1 broken PAR1", b"PAR1"])
def test_what_is_not_parquet_is_refused(tmp_path, content):
    (tmp_path / "data.parquet").write_bytes(content)
    for look in (check_extract, ingest):
        with pytest.raises(HemaPilotsError, match="data.parquet: not a readable Parquet file; export"):
            look(tmp_path, mapping("data.parquet"))
