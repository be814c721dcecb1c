"""Public cohorts for tests: harmonized as their pilots do, or skipped with a sentence where their files are not here."""

import os
from pathlib import Path

import pandas as pd
import pytest

from hemapilots.cross_checks import load_public
from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.engine import harmonize
from hemapilots.harmonize.reading.units import load_factors
from hemapilots.ingest.public import fetch
from hemapilots.ingest.readers import ingest
from hemapilots.study import load_study

ROOT = Path(__file__).resolve().parents[2]


def cohort_folder(name: str, into: Path) -> Path:
    """The folder with a cohort's verified files: carried by a package, or of COHORT_MIRROR or an earlier run."""
    cohort = load_public(ROOT / "resources")[name]
    mirror = os.environ.get("COHORT_MIRROR")
    for file, entry in cohort["files"].items():
        fetched = ROOT / "results" / "cohorts" / name / file
        if not entry["package"] and not mirror and not fetched.is_file():
            pytest.skip(f"{cohort['title']} is not here; name a folder that holds {cohort['folder']}/ in COHORT_MIRROR")
        if not entry["package"] and not mirror:
            return fetched.parent
        try:
            fetch(file, cohort, mirror, into / file)
        except HemaPilotsError as error:
            if not entry["package"]:
                raise
            pytest.skip(str(error))
    return into


def harmonized(pilot: str, into: Path) -> tuple[pd.DataFrame, pd.DataFrame, dict, dict]:
    """(harmonized, issues, flow, study) of a pilot on a public cohort that is one source."""
    study = load_study(pilot, ROOT / "config", ROOT / "resources")
    mapping, factors = study["mappings"]["source"], load_factors(ROOT / "resources" / "units" / "factors.csv")
    delivered = ingest(cohort_folder(study["public"], into), mapping)
    return *harmonize(delivered, study["harmonize"], mapping, factors), study
