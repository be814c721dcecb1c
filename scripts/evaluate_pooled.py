from pathlib import Path

from job import job

with job(snakemake):
    from hemapilots.evaluation import evaluate_pooled, write_metrics
    from hemapilots.site_tables import read_evaluation

    folders = [Path(path).parent for path in snakemake.input.harmonized]
    metrics, comparisons = evaluate_pooled({folder.name: read_evaluation(folder) for folder in folders}, snakemake.params.spec)
    write_metrics(metrics, snakemake.output.metrics)
    write_metrics(comparisons, snakemake.output.comparisons)
