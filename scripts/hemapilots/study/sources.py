"""Where each source's files lie, and what makes those that are invented."""

from pathlib import Path

from hemapilots.config.habits import Habits
from hemapilots.config.mapping import Auxiliary
from hemapilots.cross_checks import SITE, Source
from hemapilots.study.hashes import sha256
from hemapilots.synthesis.recipe import load_recipe, recipe_files
from hemapilots.synthesis.sites import profile_in_turn

__all__ = ["SOURCE", "extracts", "generation", "mapping_names", "mappings_of", "recipe_of", "split_spec"]

# The name of a source that is harmonized as one and then dealt to sites.
SOURCE = "source"


def mapping_names(cohort) -> dict[str, str]:
    """The mapping of each source."""
    return {site: entry.mapping for site, entry in cohort.sites.items()} or {SOURCE: cohort.mapping}


def mappings_of(cohort, mappings: dict[str, Source]) -> dict[str, dict]:
    """The mapping of each source as ingestion and harmonization receive it, with the column that names a row's site, if any."""
    found = {
        site: mappings[stem].value.model_dump(mode="json") | {"name": stem}
        for site, stem in mapping_names(cohort).items()
    }
    if cohort.split and cohort.split.by:
        column = Auxiliary(column=cohort.split.by, type="text").model_dump(mode="json")
        source = found[SOURCE]
        found[SOURCE] = source | {"auxiliary": source["auxiliary"] | {SITE: column}, "site": SITE}
    return found


def split_spec(cohort, endpoint: str) -> dict | None:
    """How rows come to sites: `sites` with shares and `seed`, or `by` with the values of each site; None where they are there.

    endpoint: whose times and events a skew is about.
    """
    if cohort.split is None:
        return None
    if cohort.split.by:
        return {"by": cohort.split.by, "sites": cohort.split.values()}
    rule = {"sites": dict(cohort.split.sites), "seed": cohort.split.seed}
    return rule | ({"skew": cohort.split.skew.model_dump() | {"endpoint": endpoint}} if cohort.split.skew else {})


def extracts(pilot: str, cohort, names: dict) -> dict[str, str]:
    """The folder in which each source's files lie."""
    if cohort.synthetic:
        return {site: f"results/{pilot}/sites/{site}/extract" for site in names}
    if cohort.public:
        return dict.fromkeys(names, f"results/cohorts/{cohort.public}")
    return {site: entry.extract or "." for site, entry in cohort.sites.items()}


def generation(cohort, resources: Path) -> dict:
    """What the generator of each synthetic site needs; sites that name no profile get the recipe's in turn."""
    if not cohort.synthetic:
        return {}
    recipe = load_recipe(_recipe_path(cohort, resources))
    shared = recipe_of(cohort, resources) | {"seed": cohort.synthetic.seed}
    counts = _patients(cohort.synthetic.patients, {site: cohort.sites[site].share for site in sorted(cohort.sites)})
    return {
        site: shared
        | {
            "index": at,
            "patients": count,
            "profile": cohort.sites[site].profile or profile_in_turn(recipe, at),
            "habits": _habits(cohort.sites[site]),
        }
        for at, (site, count) in enumerate(counts.items())
    }


def recipe_of(cohort, resources: Path) -> dict:
    """The recipe of a synthetic cohort, with the hashes of its files."""
    if not cohort.synthetic:
        return {}
    hashes = {file.name: sha256(file) for file in recipe_files(_recipe_path(cohort, resources))}
    return {"recipe": cohort.synthetic.recipe, "sha256": hashes}


def _recipe_path(cohort, resources: Path) -> Path:
    return resources / "recipes" / f"{cohort.synthetic.recipe}.yaml"


def _habits(site) -> dict:
    """How a site writes, with every default filled in."""
    return (site.habits or Habits()).model_dump(mode="json")


def _patients(total: int, shares: dict[str, float]) -> dict[str, int]:
    """Patients per site by the largest remainder."""
    exact = {site: total * share for site, share in shares.items()}
    counts = {site: int(value) for site, value in exact.items()}
    by_remainder = sorted(counts, key=lambda site: counts[site] - exact[site])
    for site in by_remainder[: total - sum(counts.values())]:
        counts[site] += 1
    return counts
