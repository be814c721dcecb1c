"""compare: every regime of several pilots and variants side by side, by their ranking and by what they cost; `make compare`.

INPUT  results/{pilot}/sites/{site}/predictions, models/federated-{model}, exchange/parts/federated-{model}
OUTPUT results/{pilot}/contest.csv, results/{pilot}/run/costs.csv (times); results/comparison/{index.html,comparison.csv,costs.csv}
"""


rule contest:
    input:
        harmonized=of_sites("results/{pilot}/sites/{site}/harmonized.parquet"),
        folds=of_sites("results/{pilot}/sites/{site}/folds.parquet"),
        predictions=of_sites("results/{pilot}/sites/{site}/predictions"),
        models=of_models("results/{pilot}/models/federated-{model}"),
        ledgers=of_models("results/{pilot}/exchange/parts/federated-{model}"),
    output:
        figures="results/{pilot}/contest.csv",
        costs="results/{pilot}/run/costs.csv",
    log:
        "results/{pilot}/run/logs/contest.log",
    benchmark:
        "results/{pilot}/run/benchmarks/contest.tsv"
    wildcard_constraints:
        pilot=POOLING,
    conda:
        "../../envs/python.yaml"
    params:
        spec=of_study("evaluate"),
        code=library("contest"),
    script:
        "../../scripts/contest.py"


rule render_comparison:
    input:
        figures=collect("results/{pilot}/contest.csv", pilot=PILOTS),
        costs=collect("results/{pilot}/run/costs.csv", pilot=PILOTS),
        protocols=collect("results/{pilot}/protocol.yaml", pilot=PILOTS),
    output:
        page=update("results/comparison/index.html"),
        figures=update("results/comparison/comparison.csv"),
        costs=update("results/comparison/costs.csv"),
    log:
        "results/comparison/run/logs/render_comparison.log",
    conda:
        "../../envs/python.yaml"
    params:
        studies=[
            {key: STUDIES[name][key] for key in ("pilot", "title", "report", "refused", "sharing")} for name in PILOTS
        ],
        code=library("render_comparison"),
    script:
        "../../scripts/render_comparison.py"


rule compare:
    input:
        "results/comparison/index.html",
