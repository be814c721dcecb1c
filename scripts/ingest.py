from job import job

with job(snakemake):
    from hemapilots.delivered import save
    from hemapilots.ingest.readers import ingest

    save(ingest(snakemake.params.extract, snakemake.params.mapping), **snakemake.output)
