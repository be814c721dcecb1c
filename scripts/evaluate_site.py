from pathlib import Path

from job import job

with job(snakemake):
    from hemapilots.evaluation.curves import site_curves
    from hemapilots.evaluation.distributions import distribution_table
    from hemapilots.evaluation.job_tables import tables_of_site
    from hemapilots.evaluation.log_rank import log_rank_table
    from hemapilots.evaluation.scope import Scopes
    from hemapilots.federation.release import Exit, write_ledger
    from hemapilots.rounding import round_columns, round_curves, round_histograms, round_sums
    from hemapilots.site_tables import read_evaluation

    site, spec, output = snakemake.wildcards.site, snakemake.params.spec, snakemake.output
    scopes = Scopes({site: read_evaluation(Path(snakemake.input.harmonized).parent)}, spec)
    outcomes = scopes.sites[site][0]
    tables = tables_of_site(site, scopes)
    exit_ = Exit(site, "evaluate", snakemake.params.gate)
    exit_.release_csv("site_metrics", round_columns(tables["metrics"], spec["rounding"]), output.metrics)
    exit_.release_parquet("site_counts", round_columns(tables["counts"], spec["rounding"]), output.counts)
    exit_.release_csv("curves", round_curves(site_curves(site, outcomes, spec), spec["rounding"]), output.curves)
    exit_.release_csv("log_rank", round_sums(log_rank_table(site, outcomes, spec), spec["rounding"]), output.log_rank)
    distributions = round_columns(distribution_table(site, outcomes, spec), spec["rounding"])
    exit_.release_csv("distributions", distributions, output.distributions)
    histograms = round_histograms(tables["histograms"], spec["rounding"])
    exit_.release_csv("histograms", histograms, output.histograms)
    sensitivity = round_columns(tables["sensitivity"], spec["rounding"])
    exit_.release_csv("sensitivity", sensitivity, output.sensitivity)
    for name in ("calibration", "reclassification"):
        exit_.release_csv(name, round_columns(tables[name], spec["rounding"]), output[name])
    write_ledger(exit_.entries, output.ledger)
