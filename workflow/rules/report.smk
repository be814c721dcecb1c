"""report: one offline page per pilot with its figures, and one page over all pilots. Only released files are read here.

INPUT  protocol.yaml, columns.json, quality/, site_metrics/, metrics.csv, comparisons.csv, verdict.json, models/, exchange/{site}.parquet, truth.json
OUTPUT results/{pilot}/{report.html,summary.json,figures/}; results/index.html
"""


report: "../report/landing.rst"


def released_models(wildcards):
    """The folders of models that a report shows: federated ones, and pooled ones where rows may be pooled."""
    study, folder = STUDIES[wildcards.pilot], f"results/{wildcards.pilot}/models"
    folders = [f"{folder}/federated-{name}" for name in study["train"]["models"]]
    if study["sharing"] == "private":
        return folders
    return folders + [
        f"{folder}/pooled-{name}" for name, model in study["train"]["models"].items() if not model["comparator"]
    ]


def known_truth(wildcards):
    """What the patients were drawn from, where they are invented."""
    return [f"results/{wildcards.pilot}/truth.json"] if STUDIES[wildcards.pilot]["sharing"] == "synthetic" else []


def source_flow(wildcards):
    """Which records of a public source were left out before the rest were dealt to sites."""
    return [f"results/{wildcards.pilot}/source/flow.json"] if STUDIES[wildcards.pilot]["split"] else []


def reported_study(wildcards):
    """What a report needs of the pilot's configuration."""
    study = STUDIES[wildcards.pilot]
    names = ("pilot", "title", "sharing", "gate", "sites", "split", "public", "harmonize", "evaluate", "in_sample")
    citation = PUBLIC[study["public"]]["citation"] if study["public"] else None
    return {name: study[name] for name in names} | {"citation": citation}


# `update` keeps the last good page until the new one is complete.
rule render_report:
    input:
        protocol="results/{pilot}/protocol.yaml",
        columns="results/{pilot}/columns.json",
        quality=of_sites("results/{pilot}/quality/{site}.json"),
        counts=of_sites("results/{pilot}/site_metrics/{site}/counts.parquet"),
        curves=of_sites("results/{pilot}/site_metrics/{site}/curves.csv"),
        metrics="results/{pilot}/metrics.csv",
        comparisons="results/{pilot}/comparisons.csv",
        verdict="results/{pilot}/verdict.json",
        models=released_models,
        ledgers=of_sites("results/{pilot}/exchange/{site}.parquet"),
        truth=known_truth,
        source_flow=source_flow,
    output:
        page=report(
            update("results/{pilot}/report.html"),
            caption="../report/page.rst",
            category="{pilot}",
            labels={"what": "report"},
        ),
        summary=update("results/{pilot}/summary.json"),
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
        study=reported_study,
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
