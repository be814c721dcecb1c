import json
from pathlib import Path

from job import job

with job(snakemake):
    from hemapilots.federation.release import write_ledger
    from hemapilots.federation.training import train_federated

    agreed = json.loads(Path(snakemake.input.columns).read_text())
    folders = {Path(path).parent.name: Path(path).parent for path in snakemake.input.harmonized}
    out = Path(snakemake.output.models)
    out.mkdir(parents=True, exist_ok=True)
    for site, entries in train_federated(
        folders, snakemake.wildcards.model, agreed, snakemake.params.spec, out
    ).items():
        write_ledger(entries, Path(snakemake.output.ledger) / f"{site}.parquet")
