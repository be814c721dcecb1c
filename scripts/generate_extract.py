from pathlib import Path

from job import job

with job(snakemake):
    from hemapilots.config import Habits
    from hemapilots.harmonize.reading.units import load_factors
    from hemapilots.paths import RESOURCES
    from hemapilots.synthesis.cohort import draw_site
    from hemapilots.synthesis.extracts.write import write_extract
    from hemapilots.synthesis.recipe import load_recipe
    from hemapilots.tables import write_parquet

    draw, params = snakemake.params.draw, snakemake.params
    recipe = load_recipe(RESOURCES / "recipes" / f"{draw['recipe']}.yaml")
    table = draw_site(recipe, draw["index"], draw["patients"], draw["seed"], draw["profile"])
    corrupt = write_extract(
        table,
        params.mapping,
        params.use_case,
        load_factors(RESOURCES / "units" / "factors.csv"),
        Path(snakemake.output.extract),
        Habits(**draw["habits"]),
        (draw["seed"], draw["index"], 1),
    )
    write_parquet(snakemake.output.corrupt, corrupt)
