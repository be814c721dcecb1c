import json
from pathlib import Path

from job import job

with job(snakemake):
    import pandas as pd

    from hemapilots.evaluation.refits import refit_values
    from hemapilots.federation.influence import COLUMNS, without_each_site
    from hemapilots.site_tables import read_evaluation
    from hemapilots.tables import write_csv

    agreed, spec = json.loads(Path(snakemake.input.columns).read_text()), snakemake.params.evaluate
    folders = {Path(path).parent.name: Path(path).parent for path in snakemake.input.harmonized}
    training = snakemake.params.predict | snakemake.params.train
    rows, predictions = without_each_site(folders, Path(snakemake.input.models), agreed, training, spec["primary"])
    sites = {site: read_evaluation(folder, spec["primary"]["endpoint"]) for site, folder in folders.items()}
    values = refit_values(sites, predictions, spec)
    told = [row | {"metric": value, "change": value - values[0]} for row, value in zip(rows, values, strict=True)]
    write_csv(snakemake.output[0], pd.DataFrame(told, columns=COLUMNS))
