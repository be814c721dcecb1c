from pathlib import Path

from job import job

with job(snakemake):
    from hemapilots.report.pages import render_report

    inputs = {
        name: [Path(path) for path in ([paths] if isinstance(paths, str) else paths)]
        for name, paths in snakemake.input.items()
    }
    output = snakemake.output
    render_report(inputs, snakemake.params.study, Path(output.page), Path(output.figures), Path(output.summary))
