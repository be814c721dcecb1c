import json
from pathlib import Path

from job import job

with job(snakemake):
    from hemapilots.federation.release import Exit, write_ledger
    from hemapilots.paths import RESOURCES
    from hemapilots.quality import load_checks, released_record
    from hemapilots.tables import read_parquet

    harmonized, issues = read_parquet(snakemake.input.harmonized), read_parquet(snakemake.input.issues)
    flow, use_case = json.loads(Path(snakemake.input.flow).read_text()), snakemake.params.use_case
    rules = load_checks(RESOURCES / "quality" / "thresholds.yaml", use_case)
    record = released_record(harmonized, issues, flow, use_case, rules, snakemake.params.rounding)
    exit_ = Exit(snakemake.params.site, "harmonize", snakemake.params.gate)
    exit_.release_json("quality", record, snakemake.output.quality)
    write_ledger(exit_.entries, snakemake.output.ledger)
