import json
from pathlib import Path

from job import job

with job(snakemake):
    from hemapilots.prepare import agree
    from hemapilots.tables import write_json

    supports = {Path(path).stem: json.loads(Path(path).read_text()) for path in snakemake.input.supports}
    write_json(snakemake.output.columns, agree(supports, snakemake.params.columns, snakemake.params.spec))
