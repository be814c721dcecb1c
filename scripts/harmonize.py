from job import job

with job(snakemake):
    import pandas as pd

    from hemapilots.delivered import load
    from hemapilots.harmonize.engine import harmonize
    from hemapilots.harmonize.episodes import episodes
    from hemapilots.harmonize.reading.units import load_factors
    from hemapilots.paths import RESOURCES
    from hemapilots.tables import write_json, write_parquet

    delivered, factors = load(**snakemake.input), load_factors(RESOURCES / "units" / "factors.csv")
    use_case, mapping = snakemake.params.use_case, snakemake.params.mapping
    harmonized, issues, flow = harmonize(delivered, use_case, mapping, factors)
    events, of_episodes = episodes(delivered, use_case, mapping, factors, harmonized)
    write_parquet(snakemake.output.events, events)
    write_parquet(snakemake.output.harmonized, harmonized)
    write_parquet(snakemake.output.issues, pd.concat([issues, of_episodes], ignore_index=True))
    write_json(snakemake.output.flow, flow)
