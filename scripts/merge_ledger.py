from pathlib import Path

from job import job

with job(snakemake):
    from hemapilots.federation.release import merge_ledgers

    parts = [
        path / f"{snakemake.params.site}.parquet" if path.is_dir() else path for path in map(Path, snakemake.input)
    ]
    merge_ledgers(parts, snakemake.output.ledger)
