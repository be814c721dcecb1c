from pathlib import Path

from job import job

with job(snakemake):
    import pandas as pd

    from hemapilots.evaluation import write_metrics
    from hemapilots.evaluation.curves import pooled_curves
    from hemapilots.evaluation.job_tables import pooled_tables
    from hemapilots.evaluation.log_rank import sites_table
    from hemapilots.evaluation.scope import Scopes
    from hemapilots.site_tables import read_evaluation
    from hemapilots.tables import write_csv

    spec, folders = snakemake.params.spec, [Path(path).parent for path in snakemake.input.harmonized]
    scopes = Scopes({folder.name: read_evaluation(folder) for folder in folders}, spec)
    tables = pooled_tables(scopes)
    for name in ("metrics", "comparisons"):
        write_metrics(tables[name], snakemake.output[name])
    for name in ("calibration", "reclassification", "sensitivity"):
        write_csv(snakemake.output[name], tables[name])
    outcomes = {site: data[0] for site, data in scopes.sites.items()}
    write_csv(snakemake.output.log_rank, sites_table(outcomes, spec))
    everybody = pd.concat(outcomes.values(), ignore_index=True)
    write_csv(snakemake.output.curves, pooled_curves(everybody, spec))
