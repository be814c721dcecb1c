from pathlib import Path

from job import job

with job(snakemake):
    from hemapilots.config.habits import Habits
    from hemapilots.harmonize.reading.units import load_factors
    from hemapilots.paths import RESOURCES
    from hemapilots.synthesis.cohort import draw
    from hemapilots.synthesis.extracts.write import write_extract
    from hemapilots.synthesis.recipe import load_recipe
    from hemapilots.tables import write_parquet

    spec, params = snakemake.params.draw, snakemake.params
    recipe = load_recipe(RESOURCES / "recipes" / f"{spec['recipe']}.yaml")
    drawn = draw(recipe, spec["index"], spec["patients"], spec["seed"], spec["profile"])
    corrupt = write_extract(
        drawn.clean,
        params.mapping,
        params.use_case,
        load_factors(RESOURCES / "units" / "factors.csv"),
        Path(snakemake.output.extract),
        Habits(**spec["habits"]),
        (spec["seed"], spec["index"], 1),
        drawn.events,
    )
    write_parquet(snakemake.output.corrupt, corrupt)
    write_parquet(snakemake.output.recurrent, drawn.events)
