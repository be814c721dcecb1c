"""harmonize: the use case's variables in canonical units, with a list of every cell that was touched; then what the site says of its data.

INPUT  what ingest wrote
OUTPUT results/{pilot}/sites/{site}/{harmonized,issues,events}.parquet, flow.json; results/{pilot}/quality/{site}.json;
       results/{pilot}/dictionary/ (the harmonized table's columns, for people and machines)
"""


rule harmonize:
    input:
        records="results/{pilot}/sites/{site}/ingested.parquet",
        observations="results/{pilot}/sites/{site}/observations.parquet",
        variants="results/{pilot}/sites/{site}/variants.parquet",
        remarks="results/{pilot}/sites/{site}/ingested.json",
    output:
        harmonized="results/{pilot}/sites/{site}/harmonized.parquet",
        issues="results/{pilot}/sites/{site}/issues.parquet",
        events="results/{pilot}/sites/{site}/events.parquet",
        flow="results/{pilot}/sites/{site}/flow.json",
    log:
        "results/{pilot}/run/logs/harmonize-{site}.log",
    benchmark:
        "results/{pilot}/run/benchmarks/harmonize-{site}.tsv"
    wildcard_constraints:
        pilot=DELIVERED,
    conda:
        "../../envs/python.yaml"
    params:
        use_case=of_study("harmonize"),
        mapping=of_study("mappings/{site}"),
        tables=of_study("tables"),
        code=library("harmonize"),
    script:
        "../../scripts/harmonize.py"


use rule harmonize as harmonize_source with:
    input:
        records="results/{pilot}/source/ingested.parquet",
        observations="results/{pilot}/source/observations.parquet",
        variants="results/{pilot}/source/variants.parquet",
        remarks="results/{pilot}/source/ingested.json",
    output:
        harmonized="results/{pilot}/source/harmonized.parquet",
        issues="results/{pilot}/source/issues.parquet",
        events="results/{pilot}/source/events.parquet",
        flow="results/{pilot}/source/flow.json",
    log:
        "results/{pilot}/run/logs/harmonize.log",
    benchmark:
        "results/{pilot}/run/benchmarks/harmonize.tsv"
    wildcard_constraints:
        pilot=SPLIT,
    params:
        use_case=of_study("harmonize"),
        mapping=of_study("mappings/source"),
        tables=of_study("tables"),
        code=library("harmonize"),


rule split:
    input:
        harmonized="results/{pilot}/source/harmonized.parquet",
        issues="results/{pilot}/source/issues.parquet",
        events="results/{pilot}/source/events.parquet",
    output:
        harmonized="results/{pilot}/sites/{site}/harmonized.parquet",
        issues="results/{pilot}/sites/{site}/issues.parquet",
        events="results/{pilot}/sites/{site}/events.parquet",
        flow="results/{pilot}/sites/{site}/flow.json",
    log:
        "results/{pilot}/run/logs/split-{site}.log",
    wildcard_constraints:
        pilot=SPLIT,
    conda:
        "../../envs/python.yaml"
    params:
        split=of_study("split"),
        use_case=of_study("harmonize"),
        code=library("split"),
    script:
        "../../scripts/split.py"


# The records of a variant are those of its pilot, dealt to other sites or without what a site lacks.
rule vary:
    input:
        harmonized=of_varied("harmonized.parquet"),
        issues=of_varied("issues.parquet"),
        flow=of_varied("flow.json"),
    output:
        harmonized="results/{pilot}/sites/{site}/harmonized.parquet",
        issues="results/{pilot}/sites/{site}/issues.parquet",
        flow="results/{pilot}/sites/{site}/flow.json",
    log:
        "results/{pilot}/run/logs/vary-{site}.log",
    wildcard_constraints:
        pilot=VARIANT,
    conda:
        "../../envs/python.yaml"
    params:
        site="{site}",
        scenario=of_study("vary"),
        use_case=of_study("harmonize"),
        code=library("vary"),
    script:
        "../../scripts/vary.py"


rule describe_quality:
    input:
        harmonized="results/{pilot}/sites/{site}/harmonized.parquet",
        issues="results/{pilot}/sites/{site}/issues.parquet",
        flow="results/{pilot}/sites/{site}/flow.json",
    output:
        quality="results/{pilot}/quality/{site}.json",
        ledger="results/{pilot}/exchange/parts/quality/{site}.parquet",
    log:
        "results/{pilot}/run/logs/quality-{site}.log",
    conda:
        "../../envs/python.yaml"
    params:
        site="{site}",
        use_case=of_study("harmonize"),
        gate=of_study("gate"),
        mappings=of_study("mappings"),
        rounding=of_study("evaluate/rounding"),
        tables=of_study("tables"),
        code=library("describe_quality"),
    script:
        "../../scripts/describe_quality.py"


use rule describe_quality as describe_source with:
    input:
        harmonized="results/{pilot}/source/harmonized.parquet",
        issues="results/{pilot}/source/issues.parquet",
        flow="results/{pilot}/source/flow.json",
    output:
        quality="results/{pilot}/quality_of_source.json",
        ledger="results/{pilot}/exchange/parts/quality_of_source.parquet",
    log:
        "results/{pilot}/run/logs/quality_of_source.log",
    wildcard_constraints:
        pilot=SPLIT,
    params:
        site="source",
        use_case=of_study("harmonize"),
        gate=of_study("gate"),
        mappings=of_study("mappings"),
        rounding=of_study("evaluate/rounding"),
        tables=of_study("tables"),
        code=library("describe_quality"),


rule describe_variables:
    output:
        directory("results/{pilot}/dictionary"),
    log:
        "results/{pilot}/run/logs/dictionary.log",
    conda:
        "../../envs/python.yaml"
    params:
        use_case=of_study("harmonize"),
        tables=of_study("tables"),
        code=library("describe_variables"),
    script:
        "../../scripts/describe_variables.py"
