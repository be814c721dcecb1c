# The stages of a pilot, in the order in which data flow. Which pilots run: config/config.yaml, or --config run=NAME,NAME.
from snakemake.utils import min_version

min_version("9.0")


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/fetch.smk"
include: "workflow/rules/generate.smk"
include: "workflow/rules/ingest.smk"
include: "workflow/rules/harmonize.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/predict.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/explain.smk"
include: "workflow/rules/recurrent.smk"
include: "workflow/rules/combine.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/compare.smk"


rule all:
    default_target: True
    input:
        collect("results/{pilot}/report.html", pilot=PILOTS),
        collect("results/{pilot}/verdict.json", pilot=PILOTS),
        collect("results/{pilot}/dictionary", pilot=PILOTS),
        "results/index.html",
