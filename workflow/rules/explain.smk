"""explain: what drives the primary model, at each site on its own patients; aggregates leave.

INPUT  results/{pilot}/models/federated-<primary model>/, results/{pilot}/sites/{site}/{harmonized,folds,design}.parquet
OUTPUT results/{pilot}/site_metrics/{site}/{importance,survshap}.csv
"""


rule explain_site:
    input:
        harmonized="results/{pilot}/sites/{site}/harmonized.parquet",
        folds="results/{pilot}/sites/{site}/folds.parquet",
        design="results/{pilot}/sites/{site}/design.parquet",
        models=primary_model,
    output:
        importance="results/{pilot}/site_metrics/{site}/importance.csv",
        survshap="results/{pilot}/site_metrics/{site}/survshap.csv",
        ledger="results/{pilot}/exchange/parts/explain/{site}.parquet",
    log:
        "results/{pilot}/run/logs/explain-{site}.log",
    benchmark:
        "results/{pilot}/run/benchmarks/explain-{site}.tsv"
    conda:
        "../../envs/python.yaml"
    params:
        spec=lookup(within=STUDIES, dpath="{pilot}/explain"),
        code=library("explain_site"),
    script:
        "../../scripts/explain_site.py"
