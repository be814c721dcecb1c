from pathlib import Path

from job import job

with job(snakemake):
    import yaml

    from hemapilots.explain.portable import export_models
    from hemapilots.explain.worked import worked_patients
    from hemapilots.tables import write_json

    spec, out = snakemake.params.spec, Path(snakemake.output.model)
    protocol = yaml.safe_load(Path(snakemake.input.protocol).read_text(encoding="utf-8"))
    export_models(Path(snakemake.input.models), spec, protocol["sha256"], out)
    write_json(snakemake.output.worked, worked_patients(out, spec["example"]))
