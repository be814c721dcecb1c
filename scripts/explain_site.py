from pathlib import Path

from job import job

with job(snakemake):
    from hemapilots.explain.site import explain_site
    from hemapilots.explain.worked import worked_risks
    from hemapilots.federation.release import Exit, write_ledger
    from hemapilots.rounding import round_columns
    from hemapilots.site_tables import read_site

    site, spec, output = snakemake.wildcards.site, snakemake.params.spec, snakemake.output
    tables, models = read_site(Path(snakemake.input.harmonized).parent), Path(snakemake.input.models)
    exit_, parts = Exit(site, "explain", spec["gate"]), explain_site(site, tables, models, spec)
    for name, table in zip(("importance", "survshap"), parts, strict=True):
        exit_.release_csv(name, round_columns(table, spec["rounding"]), output[name])
    worked_risks(exit_, tables, models, snakemake.params.export, output.worked)
    write_ledger(exit_.entries, output.ledger)
