from job import job

with job(snakemake):
    from hemapilots.evaluation.recurrent.tables import ALL, recurrent_table
    from hemapilots.tables import read_parquet, write_csv

    pairs = zip(snakemake.input.events, snakemake.input.harmonized, strict=True)
    sites = {str(events): (read_parquet(events), read_parquet(harmonized)) for events, harmonized in pairs}
    write_csv(snakemake.output.table, recurrent_table(ALL, sites, snakemake.params.spec))
