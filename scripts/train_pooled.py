import json
from pathlib import Path

from job import job

with job(snakemake):
    from hemapilots.federation.training import train_pooled

    agreed = json.loads(Path(snakemake.input.columns).read_text())
    folders = {Path(path).parent.name: Path(path).parent for path in snakemake.input.harmonized}
    train_pooled(folders, snakemake.wildcards.model, agreed, snakemake.params.spec, Path(snakemake.output.models))
