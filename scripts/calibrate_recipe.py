from job import job

with job(snakemake):
    from hemapilots.paths import RESOURCES
    from hemapilots.synthesis.calibration import calibration
    from hemapilots.synthesis.recipe import load_recipe
    from hemapilots.tables import write_csv

    recipe = load_recipe(RESOURCES / "recipes" / f"{snakemake.params.recipe['recipe']}.yaml")
    write_csv(snakemake.output[0], calibration(recipe, snakemake.params.use_case))
