from pathlib import Path

from job import job

with job(snakemake):
    from hemapilots.report.index import render_index

    page = Path(snakemake.output.page)
    render_index(page.parent, snakemake.params.pilots, page)
