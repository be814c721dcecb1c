"""report: one offline page per pilot with its figures, and one page over all pilots. Only released files are read here.

INPUT  protocol.yaml, columns.json, quality/, site_metrics/, metrics.csv, comparisons.csv, verdict.json, models/, exchange/{site}.parquet, truth.json,
       calibration.csv
OUTPUT results/{pilot}/{report.html,summary.json,tripod_ai.csv,probast_ai.csv,figures/}; results/index.html
"""


report: "../report/landing.rst"


# `update` keeps the last good page until the new one is complete.
rule render_report:
    input:
        protocol="results/{pilot}/protocol.yaml",
        columns="results/{pilot}/columns.json",
        quality=of_sites("results/{pilot}/quality/{site}.json"),
        counts=of_sites("results/{pilot}/site_metrics/{site}/counts.parquet"),
        curves=of_sites("results/{pilot}/site_metrics/{site}/curves.csv"),
        calibration=of_sites("results/{pilot}/site_metrics/{site}/calibration.csv"),
        reclassification=of_sites("results/{pilot}/site_metrics/{site}/reclassification.csv"),
        distributions=of_sites("results/{pilot}/site_metrics/{site}/distributions.csv"),
        log_rank=of_sites("results/{pilot}/site_metrics/{site}/log_rank.csv"),
        sensitivity=of_sites("results/{pilot}/site_metrics/{site}/sensitivity.csv"),
        importance=of_sites("results/{pilot}/site_metrics/{site}/importance.csv"),
        survshap=of_sites("results/{pilot}/site_metrics/{site}/survshap.csv"),
        worked="results/{pilot}/worked_patient.json",
        worked_risks=of_sites("results/{pilot}/site_metrics/{site}/worked_patient.csv"),
        recurrent=of_recurrent("results/{pilot}/site_metrics/{site}/recurrent.csv"),
        pooled_recurrent=of_recurrent("results/{pilot}/pooled_metrics/recurrent.csv"),
        metrics="results/{pilot}/metrics.csv",
        comparisons="results/{pilot}/comparisons.csv",
        verdict="results/{pilot}/verdict.json",
        models=released_models,
        ledgers=of_sites("results/{pilot}/exchange/{site}.parquet"),
        truth=known_truth,
        recipe_calibration=recipe_calibration,
        source=source_quality,
        influence=pooled("influence"),
        contest=where_faulty("results/{pilot}/contest.csv"),
        pooled_curves=pooled("curves"),
        pooled_calibration=pooled("calibration"),
        pooled_reclassification=pooled("reclassification"),
        pooled_log_rank=pooled("log_rank"),
        pooled_sensitivity=pooled("sensitivity"),
    output:
        page=report(
            update("results/{pilot}/report.html"),
            caption="../report/page.rst",
            category="{pilot}",
            labels={"what": "report"},
        ),
        summary=update("results/{pilot}/summary.json"),
        tripod=update("results/{pilot}/tripod_ai.csv"),
        probast=update("results/{pilot}/probast_ai.csv"),
        figures=report(
            directory("results/{pilot}/figures"),
            patterns=["{figure}.svg"],
            caption="../report/figure.rst",
            category="{pilot}",
            labels={"what": "{figure}"},
        ),
    log:
        "results/{pilot}/run/logs/render_report.log",
    conda:
        "../../envs/python.yaml"
    params:
        study=of_study("report"),
        code=library("render_report"),
    script:
        "../../scripts/render_report.py"


rule render_index:
    input:
        collect("results/{pilot}/summary.json", pilot=PILOTS),
    output:
        page=report(
            update("results/index.html"),
            caption="../report/index.rst",
            category="All pilots",
            labels={"what": "index"},
        ),
    log:
        "results/run/logs/render_index.log",
    conda:
        "../../envs/python.yaml"
    params:
        pilots=PILOTS,
        code=library("render_index"),
    script:
        "../../scripts/render_index.py"
