from pathlib import Path

from job import job

with job(snakemake):
    import pandas as pd
    import yaml

    from hemapilots.explain.flagged import flagged_parts
    from hemapilots.explain.portable import export_models
    from hemapilots.explain.worked import worked_patients
    from hemapilots.tables import write_json

    spec, out = snakemake.params.spec, Path(snakemake.output.model)
    protocol = yaml.safe_load(Path(snakemake.input.protocol).read_text(encoding="utf-8"))
    flagged = flagged_parts(pd.read_csv(snakemake.input.metrics), spec)
    export_models(Path(snakemake.input.models), spec, protocol["sha256"], out, flagged)
    write_json(snakemake.output.worked, worked_patients(out, spec["example"]))
