"""Harmonization at a hospital, without a pilot: an extract and a mapping in, a private folder with table and quality out."""

import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hemapilots.config import Mapping, UseCase, nearest
from hemapilots.cross_checks import Source, check_mapping, resolve_use_case
from hemapilots.errors import HemaPilotsError
from hemapilots.paths import RESOURCES
from hemapilots.tables import write_csv, write_json, write_parquet, write_text

__all__ = ["Harmonization", "harmonize_extract", "load_mapping", "load_use_case", "write_harmonization"]


@dataclass
class Harmonization:
    """What came of an extract. record: may leave the site; exact: the same with every count, which may not."""

    harmonized: pd.DataFrame
    issues: pd.DataFrame
    flow: dict
    record: dict
    exact: dict


def load_use_case(name: str, config: Path) -> tuple[Source, dict]:
    """A use case of config/use_cases, with its checked and resolved form."""
    source = Source(config / "use_cases" / f"{name}.yaml", UseCase)
    return source, resolve_use_case(source)


def load_mapping(name: str, config: Path, draft: bool = False) -> tuple[dict, dict]:
    """(mapping, use case) as plain dictionaries, checked against each other.

    name: a file, or the name of one in config/mappings. draft: entries may still be `proposed`.
    """
    from hemapilots.harmonize.reading.units import load_factors

    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        path = config / "mappings" / f"{name}.yaml"
    mapping = Source(path, Mapping)
    known = [other.stem for other in sorted((config / "use_cases").glob("*.yaml"))]
    if mapping.value.use_case not in known:
        hint = nearest(mapping.value.use_case, known) if known else f"there is none in {config / 'use_cases'}"
        raise mapping.fault(("use_case",), f"no such use case; {hint}")
    use_case, resolved = load_use_case(mapping.value.use_case, config)
    check_mapping(mapping, use_case, load_factors(RESOURCES / "units" / "factors.csv"), draft=draft)
    return mapping.value.model_dump(mode="json") | {"name": path.stem}, resolved


def harmonize_extract(extract: Path, mapping: dict, use_case: dict) -> Harmonization:
    """Ingests, harmonizes and judges an extract. Raises HemaPilotsError where it is unusable."""
    from hemapilots.harmonize.engine import harmonize
    from hemapilots.harmonize.reading.units import load_factors
    from hemapilots.ingest.readers import ingest
    from hemapilots.quality import load_checks, released_record

    if not extract.exists():
        raise HemaPilotsError(f"{extract}: no such folder; give the folder that holds the extract")
    delivered = ingest(extract, mapping)
    harmonized, issues, flow = harmonize(
        delivered, use_case, mapping, load_factors(RESOURCES / "units" / "factors.csv")
    )
    rules = load_checks(RESOURCES / "quality" / "thresholds.yaml", use_case)
    record = released_record(harmonized, issues, flow, use_case, rules)
    exact = released_record(harmonized, issues, flow, use_case, rules, minimum_cell=1)
    return Harmonization(harmonized, issues, flow, record, exact)


def write_harmonization(made: Harmonization, mapping: dict, use_case: dict, out: Path) -> None:
    """harmonized.parquet, issues.parquet, flow.json, quality.json, quality.html and checks.csv in a private folder.

    quality.json and quality.html hide small counts; everything else stays at the hospital. The folder is made for its
    owner only.
    """
    from hemapilots.report.quality_page import quality_page

    if not out.exists():
        out.mkdir(parents=True)
        os.chmod(out, 0o700)
    write_parquet(out / "harmonized.parquet", made.harmonized)
    write_parquet(out / "issues.parquet", made.issues)
    write_json(out / "flow.json", made.flow)
    write_json(out / "quality.json", made.record)
    rows = [{name: _cell(value) for name, value in row.items()} for row in made.exact["checks"]]
    write_csv(out / "checks.csv", pd.DataFrame(rows))
    write_text(out / "quality.html", quality_page(made.record, mapping["name"], use_case))


def _cell(value):
    return " to ".join(f"{part:g}" for part in value) if isinstance(value, list) else value
