"""Files are written whole or not at all, with the same bytes each time."""

import json

import numpy as np
import pandas as pd
import pytest

from hemapilots.tables import atomic, read_parquet, write_csv, write_json, write_parquet


def test_parquet_keeps_types_and_bytes(tmp_path):
    table = pd.DataFrame(
        {
            "row": np.array([0, 1]),
            "text": ["a", None],
            "none": pd.Series([None, None], dtype=object),
            "maybe": pd.array([1, None], dtype="Int64"),
        }
    )
    write_parquet(tmp_path / "sub" / "a.parquet", table)
    write_parquet(tmp_path / "b.parquet", table)
    assert (tmp_path / "sub" / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "b.parquet"), table)
    assert read_parquet(tmp_path / "b.parquet", columns=["text"]).columns.tolist() == ["text"]


def test_csv_and_json(tmp_path):
    write_csv(tmp_path / "a.csv", pd.DataFrame({"x": [1 / 3, np.nan], "n": [1, 2]}))
    assert (tmp_path / "a.csv").read_bytes() == b"x,n\n0.3333333333,1\n,2\n"
    write_json(tmp_path / "a.json", {"b": np.int64(1), "a": np.array([1.5]), "é": None})
    assert json.loads((tmp_path / "a.json").read_text()) == {"b": 1, "a": [1.5], "é": None}


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    write_json(tmp_path / "a.json", {"good": 1})
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"bad": float("nan")})

    def break_off(path):
        path.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError):
        atomic(tmp_path / "a.json", break_off)
    assert json.loads((tmp_path / "a.json").read_text()) == {"good": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
