"""recurrent: each site describes the episodes of its patients; where rows may be pooled, all patients together, each site a stratum.

INPUT  results/{pilot}/sites/{site}/{harmonized,events}.parquet
OUTPUT results/{pilot}/site_metrics/{site}/recurrent.csv; results/{pilot}/pooled_metrics/recurrent.csv
"""


rule describe_recurrent:
    input:
        harmonized="results/{pilot}/sites/{site}/harmonized.parquet",
        events="results/{pilot}/sites/{site}/events.parquet",
    output:
        table="results/{pilot}/site_metrics/{site}/recurrent.csv",
        ledger="results/{pilot}/exchange/parts/recurrent/{site}.parquet",
    log:
        "results/{pilot}/run/logs/recurrent-{site}.log",
    benchmark:
        "results/{pilot}/run/benchmarks/recurrent-{site}.tsv"
    conda:
        "../../envs/python.yaml"
    params:
        spec=of_study("evaluate"),
        gate=of_study("gate"),
        code=library("describe_recurrent"),
    script:
        "../../scripts/describe_recurrent.py"


rule describe_recurrent_pooled:
    input:
        harmonized=of_sites("results/{pilot}/sites/{site}/harmonized.parquet"),
        events=of_sites("results/{pilot}/sites/{site}/events.parquet"),
    output:
        table="results/{pilot}/pooled_metrics/recurrent.csv",
    log:
        "results/{pilot}/run/logs/recurrent_pooled.log",
    benchmark:
        "results/{pilot}/run/benchmarks/recurrent_pooled.tsv"
    wildcard_constraints:
        pilot=POOLING,
    conda:
        "../../envs/python.yaml"
    params:
        spec=of_study("evaluate"),
        code=library("describe_recurrent_pooled"),
    script:
        "../../scripts/describe_recurrent_pooled.py"
