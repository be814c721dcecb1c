from job import job

with job(snakemake):
    from hemapilots.harmonize import harmonize, load_factors
    from hemapilots.paths import RESOURCES
    from hemapilots.tables import read_parquet, write_json, write_parquet

    ingested = read_parquet(snakemake.input.ingested)
    harmonized, issues, flow = harmonize(
        ingested, snakemake.params.use_case, snakemake.params.mapping, load_factors(RESOURCES / "units" / "factors.csv")
    )
    write_parquet(snakemake.output.harmonized, harmonized)
    write_parquet(snakemake.output.issues, issues)
    write_json(snakemake.output.flow, flow)
