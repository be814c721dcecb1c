"""predict: out-of-fold predictions inside each site, from every model that reached it.

INPUT  models, results/{pilot}/sites/{site}/{harmonized,folds,design}.parquet
OUTPUT results/{pilot}/sites/{site}/predictions/<endpoint>/<model>/<regime>.parquet
"""


rule predict:
    input:
        harmonized="results/{pilot}/sites/{site}/harmonized.parquet",
        folds="results/{pilot}/sites/{site}/folds.parquet",
        design="results/{pilot}/sites/{site}/design.parquet",
        models=models_for_prediction,
    output:
        predictions=directory("results/{pilot}/sites/{site}/predictions"),
    log:
        "results/{pilot}/run/logs/predict-{site}.log",
    benchmark:
        "results/{pilot}/run/benchmarks/predict-{site}.tsv"
    conda:
        "../../envs/python.yaml"
    params:
        spec=of_study("predict"),
        code=library("predict"),
    script:
        "../../scripts/predict.py"
