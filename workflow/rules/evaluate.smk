"""evaluate: each site judges every regime on its own patients; where rows may be pooled, all patients together.

INPUT  results/{pilot}/sites/{site}/{harmonized,folds}.parquet, predictions/
OUTPUT results/{pilot}/site_metrics/{site}/{metrics.csv,counts.parquet,curves.csv,histograms.csv,calibration.csv,reclassification.csv,log_rank.csv,distributions.csv,sensitivity.csv}; results/{pilot}/pooled_metrics/*.csv
"""


rule evaluate_site:
    input:
        harmonized="results/{pilot}/sites/{site}/harmonized.parquet",
        folds="results/{pilot}/sites/{site}/folds.parquet",
        predictions="results/{pilot}/sites/{site}/predictions",
    output:
        metrics="results/{pilot}/site_metrics/{site}/metrics.csv",
        counts="results/{pilot}/site_metrics/{site}/counts.parquet",
        curves="results/{pilot}/site_metrics/{site}/curves.csv",
        histograms="results/{pilot}/site_metrics/{site}/histograms.csv",
        calibration="results/{pilot}/site_metrics/{site}/calibration.csv",
        reclassification="results/{pilot}/site_metrics/{site}/reclassification.csv",
        log_rank="results/{pilot}/site_metrics/{site}/log_rank.csv",
        distributions="results/{pilot}/site_metrics/{site}/distributions.csv",
        sensitivity="results/{pilot}/site_metrics/{site}/sensitivity.csv",
        ledger="results/{pilot}/exchange/parts/evaluate/{site}.parquet",
    log:
        "results/{pilot}/run/logs/evaluate-{site}.log",
    benchmark:
        "results/{pilot}/run/benchmarks/evaluate-{site}.tsv"
    conda:
        "../../envs/python.yaml"
    params:
        spec=of_study("evaluate"),
        gate=of_study("gate"),
        code=library("evaluate_site"),
    script:
        "../../scripts/evaluate_site.py"


rule evaluate_pooled:
    input:
        harmonized=of_sites("results/{pilot}/sites/{site}/harmonized.parquet"),
        folds=of_sites("results/{pilot}/sites/{site}/folds.parquet"),
        predictions=of_sites("results/{pilot}/sites/{site}/predictions"),
    output:
        metrics="results/{pilot}/pooled_metrics/metrics.csv",
        comparisons="results/{pilot}/pooled_metrics/comparisons.csv",
        curves="results/{pilot}/pooled_metrics/curves.csv",
        calibration="results/{pilot}/pooled_metrics/calibration.csv",
        reclassification="results/{pilot}/pooled_metrics/reclassification.csv",
        log_rank="results/{pilot}/pooled_metrics/log_rank.csv",
        sensitivity="results/{pilot}/pooled_metrics/sensitivity.csv",
    log:
        "results/{pilot}/run/logs/evaluate_pooled.log",
    benchmark:
        "results/{pilot}/run/benchmarks/evaluate_pooled.tsv"
    wildcard_constraints:
        pilot=POOLING,
    conda:
        "../../envs/python.yaml"
    params:
        spec=of_study("evaluate"),
        code=library("evaluate_pooled"),
    script:
        "../../scripts/evaluate_pooled.py"


rule refit_primary:
    input:
        harmonized=of_sites("results/{pilot}/sites/{site}/harmonized.parquet"),
        folds=of_sites("results/{pilot}/sites/{site}/folds.parquet"),
        designs=of_sites("results/{pilot}/sites/{site}/design.parquet"),
        predictions=of_sites("results/{pilot}/sites/{site}/predictions"),
        models=primary_model,
        columns="results/{pilot}/columns.json",
    output:
        refits="results/{pilot}/pooled_metrics/refits.csv",
        instability="results/{pilot}/pooled_metrics/instability.csv",
    log:
        "results/{pilot}/run/logs/refit_primary.log",
    benchmark:
        "results/{pilot}/run/benchmarks/refit_primary.tsv"
    wildcard_constraints:
        pilot=POOLING,
    priority: 10
    conda:
        "../../envs/python.yaml"
    params:
        train=of_study("train"),
        predict=of_study("predict"),
        evaluate=of_study("evaluate"),
        code=library("refit_primary"),
    script:
        "../../scripts/refit_primary.py"


rule leave_sites_out:
    input:
        harmonized=of_sites("results/{pilot}/sites/{site}/harmonized.parquet"),
        folds=of_sites("results/{pilot}/sites/{site}/folds.parquet"),
        designs=of_sites("results/{pilot}/sites/{site}/design.parquet"),
        predictions=of_sites("results/{pilot}/sites/{site}/predictions"),
        models=primary_model,
        columns="results/{pilot}/columns.json",
    output:
        "results/{pilot}/pooled_metrics/influence.csv",
    log:
        "results/{pilot}/run/logs/leave_sites_out.log",
    benchmark:
        "results/{pilot}/run/benchmarks/leave_sites_out.tsv"
    wildcard_constraints:
        pilot=POOLING,
    conda:
        "../../envs/python.yaml"
    params:
        train=of_study("train"),
        predict=of_study("predict"),
        evaluate=of_study("evaluate"),
        code=library("leave_sites_out"),
    script:
        "../../scripts/leave_sites_out.py"
