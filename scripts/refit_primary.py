import json
from pathlib import Path

from job import job

with job(snakemake):
    import pandas as pd

    from hemapilots.evaluation import write_metrics
    from hemapilots.evaluation.instability import instability_rows
    from hemapilots.evaluation.refits import refit_values
    from hemapilots.federation.refitting import refit
    from hemapilots.site_tables import read_evaluation
    from hemapilots.tables import write_csv

    agreed, spec = json.loads(Path(snakemake.input.columns).read_text()), snakemake.params.evaluate
    folders = {Path(path).parent.name: Path(path).parent for path in snakemake.input.harmonized}
    training = snakemake.params.predict | snakemake.params.train
    refits = refit(folders, Path(snakemake.input.models), agreed, training, spec["primary"])
    sites = {site: read_evaluation(folder, spec["primary"]["endpoint"]) for site, folder in folders.items()}
    values = refit_values(sites, refits, spec)
    write_metrics(instability_rows(sites, refits, spec), snakemake.output.instability)
    write_csv(snakemake.output.refits, pd.DataFrame({"refit": range(len(values)), spec["primary"]["metric"]: values}))
