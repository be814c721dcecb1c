"""A pilot's cohort: its public source or recipe, its sites and their extracts."""

import re
from pathlib import Path

from hemapilots.config.pilot import PublicCohort
from hemapilots.config.shapes import nearest
from hemapilots.cross_checks.source import Source, check_known
from hemapilots.synthesis.recipe import load_recipe
from hemapilots.synthesis.sites import PLAIN
from hemapilots.yaml_source import read_yaml, validate

__all__ = ["SITE", "check_cohort", "load_public"]

# The column of a source's harmonized table that names each row's site, until the rows are there.
SITE = "site"

# Words that mean something else where these names stand: in regimes, in `evaluated_on`, and as folders under results/.
RESERVED_SITES = ("own", "all", "source", "pooled")
# Formats in which the extracts of invented sites can be written.
WRITTEN = ("csv", "excel", "redcap", "fhir", "omop")
RESERVED_PILOTS = ("run", "cohorts", "benchmarks", "comparison", "all")


def load_public(resources: Path) -> dict[str, dict]:
    """The public cohorts by name."""
    path = resources / "cohorts.yaml"
    data, node = read_yaml(path)
    return {name: validate(PublicCohort, entry, None, path).model_dump(mode="json") for name, entry in data.items()}


def check_cohort(pilot: Source, use_case: Source, resources: Path, sites: list[str], mappings: dict) -> None:
    """A cohort's public source or recipe exists, its shares add up, every site has an extract, in-sample remarks name comparators.

    mappings: by name. A site whose mapping reads a database needs no extract.
    """
    cohort = pilot.value.cohort
    _check_names(pilot, sites)
    if cohort.public and cohort.public not in (known := load_public(resources)):
        raise pilot.fault(("cohort", "public"), f"no such public cohort; {nearest(cohort.public, known)}")
    if cohort.synthetic:
        _check_recipe(pilot, resources)
    elif cohort.sites:
        _check_extracts(pilot, mappings)
    for name, site in cohort.sites.items():
        _check_habits(pilot, name, site, bool(cohort.synthetic), mappings[site.mapping].value)
    if cohort.split and cohort.split.by:
        _check_site_column(mappings[cohort.mapping], cohort.split.by)
    for name in cohort.in_sample:
        if name not in use_case.value.comparators:
            raise pilot.fault(
                ("cohort", "in_sample", name), f"no such comparator; {nearest(name, use_case.value.comparators)}"
            )


def _check_names(pilot: Source, sites: list[str]) -> None:
    """Pilot and sites have names that no file or regime has already; there are two sites at least."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,62}", pilot.path.stem):
        raise pilot.fault((), "a pilot's file name has lower-case letters, digits and hyphens only; rename the file")
    if pilot.path.stem in RESERVED_PILOTS:
        raise pilot.fault(
            (), f"a pilot cannot be named '{pilot.path.stem}': results/ has a folder of that name; rename the file"
        )
    for site in sites:
        if site in RESERVED_SITES:
            raise pilot.fault(
                ("cohort",), f"a site cannot be named '{site}', which has a meaning of its own in results; rename it"
            )
    if len(sites) < 2:
        raise pilot.fault(("cohort", "sites"), "a federation needs at least two sites")


def _check_profiles(pilot: Source, recipe: dict) -> None:
    """A site's profile is one of the recipe's."""
    known = [PLAIN, *(recipe.get("sites") or {}).get("profiles", {})]
    for name, site in pilot.value.cohort.sites.items():
        if site.profile is not None and site.profile not in known:
            raise pilot.fault(
                ("cohort", "sites", name, "profile"), f"the recipe has no such profile; {nearest(site.profile, known)}"
            )


def _check_recipe(pilot: Source, resources: Path) -> None:
    """The recipe of invented patients exists, and every site has a share of them."""
    cohort = pilot.value.cohort
    recipe = resources / "recipes" / f"{cohort.synthetic.recipe}.yaml"
    if not recipe.is_file():
        raise pilot.fault(
            ("cohort", "synthetic", "recipe"),
            f"no such recipe; {nearest(recipe.stem, [p.stem for p in recipe.parent.glob('*.yaml')])}",
        )
    _check_profiles(pilot, load_recipe(recipe))
    shares = [site.share for site in cohort.sites.values()]
    if None in shares or abs(sum(shares) - 1) > 1e-9:
        raise pilot.fault(
            ("cohort", "sites"), "each site of a synthetic cohort needs a `share`, and shares add up to 1"
        )


def _check_extracts(pilot: Source, mappings: dict) -> None:
    """Every site that is not invented names a folder of its own."""
    cohort = pilot.value.cohort
    extracts = [site.extract for site in cohort.sites.values()]
    for name, site in cohort.sites.items():
        if site.share is not None:
            raise pilot.fault(
                ("cohort", "sites", name, "share"), "only sites of a synthetic cohort have a `share`; remove it"
            )
        if site.profile is not None:
            raise pilot.fault(
                ("cohort", "sites", name, "profile"), "only sites of a synthetic cohort have a `profile`; remove it"
            )
        if site.extract and extracts.count(site.extract) > 1:
            problem = "two sites name the same folder, so its patients would count twice; give each its own"
            raise pilot.fault(("cohort", "sites", name, "extract"), problem)
        if not site.extract and not cohort.public and not mappings[site.mapping].value.database:
            raise pilot.fault(("cohort", "sites", name), "name the folder of the site's `extract`")


def _check_site_column(mapping: Source, by: str) -> None:
    """The column that names each row's site is no variable, which could predict."""
    for part in ("variables", "auxiliary"):
        for name, column in getattr(mapping.value, part).items():
            if by in (column.column, *column.aliases):
                problem = f'column "{by}" names the site of each row in the pilot\'s `split`; remove this entry'
                raise mapping.fault((part, name), problem)
            if name == SITE:
                raise mapping.fault((part, name), "this name is kept for the column that names the site; rename it")


def _check_habits(pilot: Source, name: str, site, synthetic: bool, mapping) -> None:
    """Only invented sites have habits, in a format that is written, of variables that their mapping names."""
    location = ("cohort", "sites", name)
    if synthetic and mapping.reader not in WRITTEN:
        problem = (
            f"no extract is written for the reader {mapping.reader} of its mapping; use one of {', '.join(WRITTEN)}"
        )
        raise pilot.fault((*location, "mapping"), problem)
    if site.habits is None:
        return
    if not synthetic:
        raise pilot.fault((*location, "habits"), "only sites of a synthetic cohort have `habits`; remove them")
    for part in ("units", "limits"):
        for variable in getattr(site.habits, part):
            check_known(pilot, (*location, "habits", part, variable), variable, mapping.variables)
