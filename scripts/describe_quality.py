import json
from pathlib import Path

from job import job

with job(snakemake):
    from hemapilots.federation.release import Exit, write_ledger
    from hemapilots.harmonize.quality import quality, table_one
    from hemapilots.rounding import round_record
    from hemapilots.tables import read_parquet

    harmonized, issues = read_parquet(snakemake.input.harmonized), read_parquet(snakemake.input.issues)
    flow, use_case = json.loads(Path(snakemake.input.flow).read_text()), snakemake.params.use_case
    record = quality(harmonized, issues, flow, use_case) | {"table_one": table_one(harmonized, use_case)}
    record = round_record(record, snakemake.params.rounding)
    exit_ = Exit(snakemake.params.site, "harmonize", snakemake.params.gate)
    exit_.release_json("quality", record, snakemake.output.quality)
    write_ledger(exit_.entries, snakemake.output.ledger)
