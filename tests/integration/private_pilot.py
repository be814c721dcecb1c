"""A private cohort made of invented patients: three hospitals, each with its extract in a folder of its own."""

import shutil
from pathlib import Path

import yaml

from hemapilots.config.mapping import Mapping
from hemapilots.cross_checks import Source
from hemapilots.harmonize.reading.units import load_factors
from hemapilots.study import load_study
from hemapilots.synthesis.cohort import draw_site
from hemapilots.synthesis.extracts.write import write_extract
from hemapilots.synthesis.recipe import load_recipe

ROOT = Path(__file__).resolve().parents[2]
PILOT = "mds-private"
# Hospitals that deliver one CSV file each, with times and statuses in place of dates.
MAPPINGS = Path(__file__).parent / "private" / "mappings"
SITES = {"clinic-a": ("mds-plain-en", 260), "clinic-b": ("mds-plain-de", 200), "clinic-c": ("mds-plain-it", 150)}


def make_private_pilot(folder: Path, sites: dict[str, tuple[str, int]] = SITES) -> Path:
    """Write config/ and extracts/ for a private pilot into the folder; a short protocol keeps it quick."""
    shutil.copytree(ROOT / "config", folder / "config")
    shutil.copytree(MAPPINGS, folder / "config" / "mappings", dirs_exist_ok=True)
    study = load_study("mds-synthetic", ROOT / "config", ROOT / "resources")
    recipe = load_recipe(ROOT / "resources" / "recipes" / "mds.yaml")
    factors = load_factors(ROOT / "resources" / "units" / "factors.csv")
    entries = {}
    for index, (site, (stem, patients)) in enumerate(sites.items()):
        extract = folder / "extracts" / site
        mapping = Source(MAPPINGS / f"{stem}.yaml", Mapping).value.model_dump(mode="json") | {"name": stem}
        write_extract(draw_site(recipe, index, patients, 5), mapping, study["harmonize"], factors, extract)
        entries[site] = {"mapping": stem, "extract": str(extract)}
    pilot = {
        "title": "Private",
        "use_case": "mds",
        "protocol": "short",
        "endpoints": ["os", "lfs"],
        "cohort": {"sharing": "private", "sites": entries},
    }
    (folder / "config/pilots" / f"{PILOT}.yaml").write_text(yaml.safe_dump(pilot))
    protocol = yaml.safe_load((ROOT / "config/protocols/private.yaml").read_text())
    protocol["resampling"] = {"replicates": 1, "folds": 3, "seed": 1}
    protocol["penalties"] = [10, 100]
    protocol["bootstrap"] |= {"samples": 100, "refits": 0}
    (folder / "config/protocols/short.yaml").write_text(yaml.safe_dump(protocol))
    (folder / "config/config.yaml").write_text(yaml.safe_dump({"pilots": [PILOT]}))
    return folder
