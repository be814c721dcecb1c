from job import job

with job(snakemake):
    import pandas as pd

    from hemapilots.evaluation import combine, verdict, write_metrics
    from hemapilots.evaluation.recurrent.combine import with_recurrent
    from hemapilots.evaluation.refits import refit_interval
    from hemapilots.tables import write_json

    inputs, spec, output = snakemake.input, snakemake.params.spec, snakemake.output
    pooled = [pd.read_csv(path, dtype={"p": str}) for path in inputs.pooled] or [None, None]
    released = (
        map(pd.read_csv, inputs.metrics),
        map(pd.read_parquet, inputs.counts),
        map(pd.read_csv, inputs.histograms),
    )
    metrics, comparisons = combine(*released, *pooled, spec)
    metrics = pd.concat([metrics, *map(pd.read_csv, inputs.instability)])
    judged = verdict(comparisons, metrics, spec)
    refits = pd.read_csv(inputs.refits)[spec["primary"]["metric"]] if inputs.refits else []
    judged["primary_estimate"] |= refit_interval(
        judged["primary_estimate"]["estimate"], refits, spec["bootstrap"]["level"]
    )
    write_metrics(with_recurrent(metrics, inputs.recurrent, inputs.pooled_recurrent, spec), output.metrics)
    write_metrics(comparisons, output.comparisons)
    write_json(output.verdict, judged)
