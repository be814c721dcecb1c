"""ingest: the mapped columns of an extract, as delivered; nothing else is kept.

INPUT  the site's extract
OUTPUT results/{pilot}/sites/{site}/{ingested,observations,variants}.parquet and ingested.json (what the reader met),
       or results/{pilot}/source/ for a cohort without sites
"""


rule ingest:
    input:
        extract_of,
    output:
        records="results/{pilot}/sites/{site}/ingested.parquet",
        observations="results/{pilot}/sites/{site}/observations.parquet",
        variants="results/{pilot}/sites/{site}/variants.parquet",
        remarks="results/{pilot}/sites/{site}/ingested.json",
    log:
        "results/{pilot}/run/logs/ingest-{site}.log",
    benchmark:
        "results/{pilot}/run/benchmarks/ingest-{site}.tsv"
    wildcard_constraints:
        pilot=DELIVERED,
    conda:
        "../../envs/python.yaml"
    params:
        extract=of_study("extracts/{site}"),
        mapping=of_study("mappings/{site}"),
        code=library("ingest"),
    script:
        "../../scripts/ingest.py"


use rule ingest as ingest_source with:
    output:
        records="results/{pilot}/source/ingested.parquet",
        observations="results/{pilot}/source/observations.parquet",
        variants="results/{pilot}/source/variants.parquet",
        remarks="results/{pilot}/source/ingested.json",
    log:
        "results/{pilot}/run/logs/ingest.log",
    benchmark:
        "results/{pilot}/run/benchmarks/ingest.tsv"
    wildcard_constraints:
        pilot=SPLIT,
    params:
        extract=of_study("extracts/source"),
        mapping=of_study("mappings/source"),
        code=library("ingest"),
