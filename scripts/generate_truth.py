from job import job

with job(snakemake):
    from hemapilots.paths import RESOURCES
    from hemapilots.synthesis.recipe import load_recipe
    from hemapilots.synthesis.truth import truth
    from hemapilots.tables import write_json

    recipe = sorted({draw["recipe"] for draw in snakemake.params.draws.values()})[0]
    write_json(snakemake.output[0], truth(load_recipe(RESOURCES / "recipes" / f"{recipe}.yaml")))
