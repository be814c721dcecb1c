"""combine: the released tables of all sites become the pilot's metrics, comparisons and verdict. No patient row is read here.

INPUT  results/{pilot}/site_metrics/{site}/, results/{pilot}/pooled_metrics/ where allowed
OUTPUT results/{pilot}/{metrics.csv,comparisons.csv,verdict.json}; results/{pilot}/exchange/{site}.parquet
"""


# `update` keeps the last good result until the new one is complete.
rule combine:
    input:
        metrics=of_sites("results/{pilot}/site_metrics/{site}/metrics.csv"),
        counts=of_sites("results/{pilot}/site_metrics/{site}/counts.parquet"),
        histograms=of_sites("results/{pilot}/site_metrics/{site}/histograms.csv"),
        pooled=pooled_metrics,
        recurrent=of_recurrent("results/{pilot}/site_metrics/{site}/recurrent.csv"),
        pooled_recurrent=of_recurrent("results/{pilot}/pooled_metrics/recurrent.csv"),
        refits=refits,
        instability=pooled("instability"),
    output:
        metrics=update("results/{pilot}/metrics.csv"),
        comparisons=update("results/{pilot}/comparisons.csv"),
        verdict=update("results/{pilot}/verdict.json"),
    log:
        "results/{pilot}/run/logs/combine.log",
    conda:
        "../../envs/python.yaml"
    params:
        spec=of_study("evaluate"),
        code=library("combine"),
    script:
        "../../scripts/combine.py"


rule merge_ledger:
    input:
        ledger_parts,
    output:
        ledger="results/{pilot}/exchange/{site}.parquet",
    log:
        "results/{pilot}/run/logs/merge_ledger-{site}.log",
    conda:
        "../../envs/python.yaml"
    params:
        site="{site}",
        code=library("merge_ledger"),
    script:
        "../../scripts/merge_ledger.py"
