from job import job

with job(snakemake):
    from hemapilots.evaluation.recurrent.tables import recurrent_table
    from hemapilots.federation.release import Exit, write_ledger
    from hemapilots.rounding import round_recurrent
    from hemapilots.tables import read_parquet

    site, spec, inputs = snakemake.wildcards.site, snakemake.params.spec, snakemake.input
    table = recurrent_table(site, {site: (read_parquet(inputs.events), read_parquet(inputs.harmonized))}, spec)
    exit_ = Exit(site, "evaluate", snakemake.params.gate)
    exit_.release_csv("recurrent", round_recurrent(table, spec["rounding"]), snakemake.output.table)
    write_ledger(exit_.entries, snakemake.output.ledger)
