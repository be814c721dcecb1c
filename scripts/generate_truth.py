from job import job

with job(snakemake):
    from hemapilots.paths import RESOURCES
    from hemapilots.synthesis.recipe import load_recipe
    from hemapilots.synthesis.truth import truth
    from hemapilots.tables import write_json

    draws = snakemake.params.draws
    recipe = load_recipe(RESOURCES / "recipes" / f"{next(iter(draws.values()))['recipe']}.yaml")
    write_json(snakemake.output[0], truth(recipe, draws))
