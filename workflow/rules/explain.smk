"""explain: what drives the primary model, at each site on its own patients, of which aggregates leave; the model for new patients.

INPUT  results/{pilot}/models/federated-<primary model>/, results/{pilot}/sites/{site}/{harmonized,folds,design}.parquet;
       results/{pilot}/metrics.csv (parts of the patients in whom the model is flagged)
OUTPUT results/{pilot}/site_metrics/{site}/{importance,survshap,worked_patient}.csv;
       results/{pilot}/model/<endpoint>.{npz,json} (the primary model for new patients), results/{pilot}/worked_patient.json
"""


rule explain_site:
    input:
        harmonized="results/{pilot}/sites/{site}/harmonized.parquet",
        folds="results/{pilot}/sites/{site}/folds.parquet",
        design="results/{pilot}/sites/{site}/design.parquet",
        models=primary_model,
    output:
        worked="results/{pilot}/site_metrics/{site}/worked_patient.csv",
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
        spec=of_study("explain"),
        export=of_study("export"),
        code=library("explain_site"),
    script:
        "../../scripts/explain_site.py"


rule export_model:
    input:
        models=primary_model,
        metrics="results/{pilot}/metrics.csv",
        protocol="results/{pilot}/protocol.yaml",
    output:
        model=directory("results/{pilot}/model"),
        worked="results/{pilot}/worked_patient.json",
    log:
        "results/{pilot}/run/logs/export_model.log",
    conda:
        "../../envs/python.yaml"
    params:
        spec=of_study("export"),
        code=library("export_model"),
    script:
        "../../scripts/export_model.py"
