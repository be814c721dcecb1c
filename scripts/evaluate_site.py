from pathlib import Path

from job import job

with job(snakemake):
    from hemapilots.evaluation import evaluate_site
    from hemapilots.evaluation.curves import site_curves
    from hemapilots.federation.release import Exit, write_ledger
    from hemapilots.site_tables import read_evaluation

    site, spec, output = snakemake.wildcards.site, snakemake.params.spec, snakemake.output
    outcomes, folds, predictions = read_evaluation(Path(snakemake.input.harmonized).parent)
    metrics, counts = evaluate_site(site, outcomes, folds, predictions, spec)
    exit_ = Exit(site, "evaluate", snakemake.params.gate)
    exit_.release_csv("site_metrics", metrics, output.metrics)
    exit_.release_parquet("site_counts", counts, output.counts)
    exit_.release_csv("curves", site_curves(site, outcomes, spec), output.curves)
    write_ledger(exit_.entries, output.ledger)
