"""prepare: folds and encoded predictors inside each site; the agreement on columns, from what the sites say of their support.

INPUT  results/{pilot}/sites/{site}/harmonized.parquet
OUTPUT results/{pilot}/sites/{site}/{folds,design}.parquet; results/{pilot}/support/{site}.json, columns.json, protocol.yaml
"""


rule freeze_protocol:
    output:
        "results/{pilot}/protocol.yaml",
    log:
        "results/{pilot}/run/logs/freeze_protocol.log",
    conda:
        "../../envs/python.yaml"
    params:
        protocol=of_study("protocol"),
        code=library("freeze_protocol"),
    script:
        "../../scripts/freeze_protocol.py"


rule prepare:
    input:
        harmonized="results/{pilot}/sites/{site}/harmonized.parquet",
    output:
        folds="results/{pilot}/sites/{site}/folds.parquet",
        design="results/{pilot}/sites/{site}/design.parquet",
        support="results/{pilot}/support/{site}.json",
        ledger="results/{pilot}/exchange/parts/prepare/{site}.parquet",
    log:
        "results/{pilot}/run/logs/prepare-{site}.log",
    benchmark:
        "results/{pilot}/run/benchmarks/prepare-{site}.tsv"
    conda:
        "../../envs/python.yaml"
    params:
        spec=of_study("prepare"),
        code=library("prepare"),
    script:
        "../../scripts/prepare.py"


rule agree_columns:
    input:
        supports=of_sites("results/{pilot}/support/{site}.json"),
    output:
        columns="results/{pilot}/columns.json",
    log:
        "results/{pilot}/run/logs/agree_columns.log",
    conda:
        "../../envs/python.yaml"
    params:
        spec=of_study("agree"),
        columns=of_study("prepare/columns"),
        code=library("agree_columns"),
    script:
        "../../scripts/agree_columns.py"
