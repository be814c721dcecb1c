"""train: each model at one site alone, by all sites together through their ClientApps, and, where rows may be pooled, in one place.

INPUT  results/{pilot}/sites/{site}/{harmonized,folds,design}.parquet, columns.json, protocol.yaml (hashed before any training)
OUTPUT results/{pilot}/models/{local-<site>,federated-<model>,pooled-<model>}/<endpoint>/<model>/<regime>.{npz,json}
"""


rule train_local:
    input:
        harmonized="results/{pilot}/sites/{site}/harmonized.parquet",
        folds="results/{pilot}/sites/{site}/folds.parquet",
        design="results/{pilot}/sites/{site}/design.parquet",
        columns="results/{pilot}/columns.json",
        protocol="results/{pilot}/protocol.yaml",
    output:
        models=directory("results/{pilot}/models/local-{site}"),
        ledger="results/{pilot}/exchange/parts/local/{site}.parquet",
    log:
        "results/{pilot}/run/logs/train_local-{site}.log",
    benchmark:
        "results/{pilot}/run/benchmarks/train_local-{site}.tsv"
    wildcard_constraints:
        pilot=POOLING,
    conda:
        "../../envs/python.yaml"
    params:
        spec=of_study("train"),
        gate=of_study("gate"),
        code=library("train_local"),
    script:
        "../../scripts/train_local.py"


# In a private cohort a local model stays in the site's own folder.
use rule train_local as train_local_private with:
    output:
        models=directory("results/{pilot}/sites/{site}/models"),
        ledger="results/{pilot}/sites/{site}/local_ledger.parquet",
    wildcard_constraints:
        pilot=PRIVATE,
    params:
        spec=of_study("train"),
        gate="private",
        code=library("train_local"),


rule train_federated:
    input:
        harmonized=of_sites("results/{pilot}/sites/{site}/harmonized.parquet"),
        folds=of_sites("results/{pilot}/sites/{site}/folds.parquet"),
        designs=of_sites("results/{pilot}/sites/{site}/design.parquet"),
        columns="results/{pilot}/columns.json",
        protocol="results/{pilot}/protocol.yaml",
    output:
        models=directory("results/{pilot}/models/federated-{model}"),
        ledger=directory("results/{pilot}/exchange/parts/federated-{model}"),
    log:
        "results/{pilot}/run/logs/train_federated-{model}.log",
    benchmark:
        "results/{pilot}/run/benchmarks/train_federated-{model}.tsv"
    priority: 10
    conda:
        "../../envs/python.yaml"
    params:
        spec=of_study("train"),
        code=library("train_federated"),
    script:
        "../../scripts/train_federated.py"


rule train_pooled:
    input:
        harmonized=of_sites("results/{pilot}/sites/{site}/harmonized.parquet"),
        folds=of_sites("results/{pilot}/sites/{site}/folds.parquet"),
        designs=of_sites("results/{pilot}/sites/{site}/design.parquet"),
        columns="results/{pilot}/columns.json",
        protocol="results/{pilot}/protocol.yaml",
    output:
        models=directory("results/{pilot}/models/pooled-{model}"),
    log:
        "results/{pilot}/run/logs/train_pooled-{model}.log",
    benchmark:
        "results/{pilot}/run/benchmarks/train_pooled-{model}.tsv"
    wildcard_constraints:
        pilot=POOLING,
    conda:
        "../../envs/python.yaml"
    params:
        spec=of_study("train"),
        code=library("train_pooled"),
    script:
        "../../scripts/train_pooled.py"
