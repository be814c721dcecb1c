from pathlib import Path

from job import job

with job(snakemake):
    from hemapilots.predict import predict_site
    from hemapilots.site_tables import read_site

    tables = read_site(Path(snakemake.input.harmonized).parent)
    folders = [Path(folder) for folder in snakemake.input.models]
    predict_site(snakemake.wildcards.site, tables, folders, snakemake.params.spec, Path(snakemake.output.predictions))
