from pathlib import Path

from job import job

with job(snakemake):
    from hemapilots.explain.site import explain_site
    from hemapilots.federation.release import Exit, write_ledger
    from hemapilots.rounding import round_columns
    from hemapilots.site_tables import read_site

    site, spec, output = snakemake.wildcards.site, snakemake.params.spec, snakemake.output
    tables = read_site(Path(snakemake.input.harmonized).parent)
    importance, survshap = explain_site(site, tables, Path(snakemake.input.models), spec)
    exit_ = Exit(site, "explain", spec["gate"])
    exit_.release_csv("importance", round_columns(importance, spec["rounding"]), output.importance)
    exit_.release_csv("survshap", round_columns(survshap, spec["rounding"]), output.survshap)
    write_ledger(exit_.entries, output.ledger)
