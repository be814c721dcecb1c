from job import job

with job(snakemake):
    from hemapilots.delivered import load
    from hemapilots.harmonize.engine import harmonize
    from hemapilots.harmonize.reading.units import load_factors
    from hemapilots.paths import RESOURCES
    from hemapilots.tables import write_json, write_parquet

    delivered, factors = load(**snakemake.input), load_factors(RESOURCES / "units" / "factors.csv")
    harmonized, issues, flow = harmonize(delivered, snakemake.params.use_case, snakemake.params.mapping, factors)
    write_parquet(snakemake.output.harmonized, harmonized)
    write_parquet(snakemake.output.issues, issues)
    write_json(snakemake.output.flow, flow)
