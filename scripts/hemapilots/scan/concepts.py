"""Codes of OMOP concepts, from the table `concept` of the vocabularies where an extract brings it."""

from pathlib import Path

__all__ = ["read_concepts"]

_COLUMNS = ("concept_id", "concept_code", "concept_name")


def read_concepts(path: Path, wanted: set[str]) -> dict[str, tuple[str, str]]:
    """Concept id -> (code in its own vocabulary, name) of the wanted ids; empty where the table cannot be read.

    It has millions of rows: only those of the wanted ids leave duckdb.
    """
    import duckdb

    ids = [int(text) for text in wanted if text.isascii() and text.isdigit() and len(text) < 18]
    name = "read_parquet(?)" if path.suffix.lower() == ".parquet" else "read_csv(?, all_varchar = true)"
    query = f"SELECT {', '.join(_COLUMNS)} FROM {name} WHERE TRY_CAST(concept_id AS BIGINT) IN (SELECT UNNEST(?))"
    try:
        with duckdb.connect(":memory:") as connection:
            rows = connection.execute(query, [str(path), ids]).fetchall()
    except duckdb.Error:
        return {}
    return {str(key): (str(code or ""), str(called or "")) for key, code, called in rows}
