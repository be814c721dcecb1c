from pathlib import Path

from job import job

with job(snakemake):
    import pandas as pd

    from hemapilots.evaluation import evaluate_pooled, write_metrics
    from hemapilots.evaluation.calibration_curves import calibration_table
    from hemapilots.evaluation.curves import pooled_curves
    from hemapilots.evaluation.log_rank import sites_table
    from hemapilots.evaluation.reclassification import reclassification_table
    from hemapilots.evaluation.scope import Scopes
    from hemapilots.evaluation.sensitivity import sensitivity_table
    from hemapilots.site_tables import read_evaluation
    from hemapilots.tables import write_csv

    spec, folders = snakemake.params.spec, [Path(path).parent for path in snakemake.input.harmonized]
    scopes = Scopes({folder.name: read_evaluation(folder) for folder in folders}, spec)
    metrics, comparisons = evaluate_pooled(scopes)
    write_metrics(metrics, snakemake.output.metrics)
    write_metrics(comparisons, snakemake.output.comparisons)
    write_csv(snakemake.output.calibration, calibration_table("all", scopes))
    write_csv(snakemake.output.reclassification, reclassification_table("all", scopes))
    write_csv(snakemake.output.sensitivity, sensitivity_table("all", scopes))
    outcomes = {site: data[0] for site, data in scopes.sites.items()}
    write_csv(snakemake.output.log_rank, sites_table(outcomes, spec))
    everybody = pd.concat(outcomes.values(), ignore_index=True)
    write_csv(snakemake.output.curves, pooled_curves(everybody, spec))
