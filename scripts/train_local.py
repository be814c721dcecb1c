import json
from pathlib import Path

from job import job

with job(snakemake):
    from hemapilots.federation.release import write_ledger
    from hemapilots.federation.training import train_local

    agreed, folder = json.loads(Path(snakemake.input.columns).read_text()), Path(snakemake.input.harmonized).parent
    out, params = Path(snakemake.output.models), snakemake.params
    write_ledger(
        train_local(snakemake.wildcards.site, folder, agreed, params.spec, out, params.gate), snakemake.output.ledger
    )
