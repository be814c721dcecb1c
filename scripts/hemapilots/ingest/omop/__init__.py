"""OMOP CDM 5.4: folders of CSV or Parquet, DuckDB, SQLite and PostgreSQL."""
