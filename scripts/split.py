from job import job

with job(snakemake):
    from hemapilots.harmonize.split import site_flow, split
    from hemapilots.tables import read_parquet, write_json, write_parquet

    tables = read_parquet(snakemake.input.harmonized), read_parquet(snakemake.input.issues)
    rule = snakemake.params.split
    harmonized, issues = split(*tables, rule)[snakemake.wildcards.site]
    write_parquet(snakemake.output.harmonized, harmonized)
    events = read_parquet(snakemake.input.events)
    write_parquet(snakemake.output.events, events[events["row"].isin(harmonized["row"])].reset_index(drop=True))
    write_parquet(snakemake.output.issues, issues)
    write_json(snakemake.output.flow, site_flow(harmonized, snakemake.params.use_case))
