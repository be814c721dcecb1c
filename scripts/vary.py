import json
from pathlib import Path

from job import job

with job(snakemake):
    from hemapilots.harmonize.scenario import studied, varied
    from hemapilots.harmonize.split import site_flow
    from hemapilots.tables import read_parquet, write_json, write_parquet

    inputs, params, output = snakemake.input, snakemake.params, snakemake.output
    tables = {
        Path(table).parent.name: (read_parquet(table), read_parquet(issues))
        for table, issues in zip(inputs.harmonized, inputs.issues, strict=True)
    }
    harmonized, issues = varied(tables, params.site, params.scenario, params.use_case)
    dealt = params.scenario["split"] is not None
    flow = site_flow(harmonized, params.use_case) if dealt else json.loads(Path(inputs.flow[0]).read_text())
    harmonized, issues, flow = studied(harmonized, issues, flow, list(params.use_case["endpoints"]))
    write_parquet(output.harmonized, harmonized)
    write_parquet(output.issues, issues)
    write_json(output.flow, flow)
