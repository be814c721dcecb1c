from job import job

with job(snakemake):
    from hemapilots.encoding import encode
    from hemapilots.federation.release import Exit, write_ledger
    from hemapilots.prepare import assign_folds, support
    from hemapilots.tables import read_parquet, write_parquet

    harmonized, spec, site = read_parquet(snakemake.input.harmonized), snakemake.params.spec, snakemake.wildcards.site
    folds = assign_folds(harmonized, spec["primary_endpoint"], spec["resampling"], site)
    design = encode(harmonized, spec["columns"])
    write_parquet(snakemake.output.folds, folds)
    write_parquet(snakemake.output.design, design)
    exit_ = Exit(site, "prepare", spec["gate"])
    exit_.release_json("support", support(harmonized, design, folds, spec), snakemake.output.support)
    write_ledger(exit_.entries, snakemake.output.ledger)
