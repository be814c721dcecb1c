from job import job

with job(snakemake):
    from hemapilots.ingest import ingest, save

    save(ingest(snakemake.params.extract, snakemake.params.mapping), **snakemake.output)
