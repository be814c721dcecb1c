from pathlib import Path

from job import job

with job(snakemake):
    import pandas as pd

    from hemapilots.report.comparison import render_comparison
    from hemapilots.tables import write_csv

    names = [study["pilot"] for study in snakemake.params.studies]
    tables = {}
    for part in ("figures", "costs"):
        read = [pd.read_csv(path, dtype={"p": str}) for path in snakemake.input[part]]
        tables[part] = pd.concat(dict(zip(names, read, strict=True)), names=["pilot", None]).reset_index(level=0)
        write_csv(snakemake.output[part], tables[part])
    render_comparison(tables["figures"], tables["costs"], snakemake.params.studies, Path(snakemake.output.page))
