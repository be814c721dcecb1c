import json
from pathlib import Path

from job import job

with job(snakemake):
    from hemapilots.federation.release import write_ledger
    from hemapilots.paths import RESOURCES
    from hemapilots.quality import load_checks, released_record, site_secret
    from hemapilots.quality.exit import QualityExit
    from hemapilots.tables import read_parquet

    harmonized, issues = read_parquet(snakemake.input.harmonized), read_parquet(snakemake.input.issues)
    flow, params = json.loads(Path(snakemake.input.flow).read_text()), snakemake.params
    rules = load_checks(RESOURCES / "quality" / "thresholds.yaml", params.use_case)
    facts = f"{snakemake.wildcards.pilot}/{params.site}"
    secret = site_secret(Path(snakemake.input.harmonized).parent, facts, params.gate)
    record = released_record(harmonized, issues, flow, params.use_case, rules, params.rounding, secret)
    exit_ = QualityExit(
        params.site,
        "harmonize",
        params.gate,
        use_case=params.use_case,
        mappings=list(params.mappings.values()),
    )
    exit_.release_json("quality", record, snakemake.output.quality)
    write_ledger(exit_.entries, snakemake.output.ledger)
