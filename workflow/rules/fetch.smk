"""fetch: public cohorts, from a mirror folder or from their URL; a file whose SHA-256 is not the expected one is refused.

INPUT  resources/cohorts.yaml
OUTPUT results/cohorts/{cohort}/{file}
"""


rule fetch_file:
    output:
        "results/cohorts/{cohort}/{file}",
    log:
        "results/cohorts/{cohort}/logs/fetch-{file}.log",
    wildcard_constraints:
        file=r"[A-Za-z0-9_.-]+",
    localrule: True
    conda:
        "../../envs/python.yaml"
    params:
        cohort=lookup(within=PUBLIC, dpath="{cohort}"),
        code=library("fetch"),
    message:
        "Fetching {wildcards.file} of {wildcards.cohort}: {params.cohort[licence]}. Please cite: {params.cohort[citation]}"
    script:
        "../../scripts/fetch.py"
