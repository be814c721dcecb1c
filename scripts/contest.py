from pathlib import Path

from job import job

with job(snakemake):
    from hemapilots.evaluation.contest import contest
    from hemapilots.federation.costs import costs
    from hemapilots.models.files import models_in, read_model
    from hemapilots.site_tables import read_evaluation
    from hemapilots.tables import read_parquet, write_csv

    inputs, spec = snakemake.input, snakemake.params.spec
    folders = [Path(path).parent for path in inputs.harmonized]
    write_csv(snakemake.output.figures, contest({one.name: read_evaluation(one) for one in folders}, spec))
    cards, ledgers = {}, {folder.name: [] for folder in folders}
    for models, ledger in zip(map(Path, inputs.models), map(Path, inputs.ledgers), strict=True):
        wanted = [name for name in models_in(models) if name[0] == spec["primary_endpoint"]]
        cards |= {name: read_model(models, *name)[1] for name in wanted}
        for path in sorted(ledger.glob("*.parquet")):
            ledgers[path.stem].append(read_parquet(path))
    import pandas as pd

    together = {site: pd.concat(parts) for site, parts in ledgers.items()}
    write_csv(snakemake.output.costs, costs(together, cards))
