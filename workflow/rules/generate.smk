"""generate: invented patients as each site would deliver them, and the truth that they were drawn from.

INPUT  resources/recipes/*.yaml
OUTPUT results/{pilot}/sites/{site}/extract/, results/{pilot}/sites/{site}/corrupt.parquet (the cells that were made unreadable),
       results/{pilot}/sites/{site}/recurrent.parquet (true episodes of recurrent events: patient_id, outcome, start, stop, event),
       results/{pilot}/truth.json, results/{pilot}/calibration.csv (what the law gives beside what it should give)
"""


rule generate_extract:
    output:
        extract=directory("results/{pilot}/sites/{site}/extract"),
        corrupt="results/{pilot}/sites/{site}/corrupt.parquet",
        recurrent="results/{pilot}/sites/{site}/recurrent.parquet",
    log:
        "results/{pilot}/run/logs/generate-{site}.log",
    benchmark:
        "results/{pilot}/run/benchmarks/generate-{site}.tsv"
    wildcard_constraints:
        pilot=SYNTHETIC,
    conda:
        "../../envs/python.yaml"
    params:
        draw=of_study("generate/{site}"),
        use_case=of_study("harmonize"),
        mapping=of_study("mappings/{site}"),
        tables=of_study("tables"),
        code=library("generate_extract"),
    script:
        "../../scripts/generate_extract.py"


rule generate_truth:
    output:
        "results/{pilot}/truth.json",
    log:
        "results/{pilot}/run/logs/generate_truth.log",
    wildcard_constraints:
        pilot=SYNTHETIC,
    conda:
        "../../envs/python.yaml"
    params:
        draws=of_study("generate"),
        code=library("generate_truth"),
    script:
        "../../scripts/generate_truth.py"


rule calibrate_recipe:
    output:
        "results/{pilot}/calibration.csv",
    log:
        "results/{pilot}/run/logs/calibrate_recipe.log",
    benchmark:
        "results/{pilot}/run/benchmarks/calibrate_recipe.tsv"
    wildcard_constraints:
        pilot=SYNTHETIC,
    conda:
        "../../envs/python.yaml"
    params:
        recipe=of_study("calibrate"),
        use_case=of_study("harmonize"),
        code=library("calibrate_recipe"),
    script:
        "../../scripts/calibrate_recipe.py"
