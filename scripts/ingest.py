from job import job

with job(snakemake):
    from hemapilots.ingest import ingest
    from hemapilots.tables import write_parquet

    write_parquet(snakemake.output.ingested, ingest(snakemake.params.extract, snakemake.params.mapping))
