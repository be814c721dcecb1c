from pathlib import Path

from job import job

with job(snakemake):
    from hemapilots.ingest.public import fetch

    # Where a file was fetched from must not make it stale, so the mirror is no parameter of the rule.
    mirror = snakemake.config.get("cohort_mirror")
    fetch(snakemake.wildcards.file, snakemake.params.cohort, mirror, Path(snakemake.output[0]))
