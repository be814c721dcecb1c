"""Harmonization at a hospital, without a pilot: an extract and a mapping in, a private folder with table and quality out."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hemapilots.config.mapping import Mapping
from hemapilots.config.shapes import nearest
from hemapilots.config.use_case import UseCase
from hemapilots.cross_checks import Source, check_mapping, resolve_use_case
from hemapilots.errors import HemaPilotsError
from hemapilots.paths import RESOURCES
from hemapilots.tables import read_parquet, write_csv, write_json, write_parquet, write_text

__all__ = [
    "Harmonization",
    "check_private",
    "harmonize_extract",
    "load_mapping",
    "load_use_case",
    "warnings_of",
    "write_harmonization",
]

# What `write_harmonization` writes; a folder that holds anything else is not its own.
_WRITTEN = {"harmonized.parquet", "events.parquet", "issues.parquet", "flow.json", "checks.csv", "secret"}
_WRITTEN |= {"quality.json", "quality.html", "ledger.parquet", "source.json"}


@dataclass
class Harmonization:
    """What came of an extract, all of it private.

    events: episodes of recurrent events; exact: the quality record with every count; rules: of its checks.
    """

    harmonized: pd.DataFrame
    events: pd.DataFrame
    issues: pd.DataFrame
    flow: dict
    exact: dict
    rules: dict


def load_use_case(name: str, config: Path) -> tuple[Source, dict]:
    """A use case of config/use_cases, with its checked and resolved form."""
    _check_config(config)
    source = Source(config / "use_cases" / f"{name}.yaml", UseCase)
    return source, resolve_use_case(source)


def load_mapping(name: str, config: Path, draft: bool = False) -> tuple[dict, dict]:
    """(mapping, use case) as plain dictionaries, checked against each other.

    name: a file, or the name of one in config/mappings. draft: entries may still be `proposed`.
    """
    from hemapilots.harmonize.reading.units import load_factors

    _check_config(config)
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


def _check_config(config: Path) -> None:
    if not (config / "use_cases").is_dir():
        raise HemaPilotsError(
            f"{config / 'use_cases'}: there is no such folder; run from the folder that holds config/, or name that with --folder"
        )


def check_private(out: Path, extract: Path, source: str, force: bool = False) -> None:
    """Raises HemaPilotsError where rows of patients would be written among other files, into the extract, or over those of another source.

    source: the mapping's name; force: another source's are replaced, with the secret that belongs to it.
    """
    if out.exists() and not out.is_dir():
        raise HemaPilotsError(f"{out}: it is a file; name a folder")
    here, there = out.resolve(), extract.resolve()
    if here == there or there in here.parents or here in there.parents:
        raise HemaPilotsError(f"{out}: it is, holds or lies in the extract {extract}; name a folder beside it")
    others = sorted({path.name for path in out.iterdir()} - _WRITTEN) if out.is_dir() else []
    if others:
        raise HemaPilotsError(
            f"{out}: it holds other files ({others[0]}); name a new folder, or that of an earlier run of this source"
        )
    other = _other_source(out, source)
    if other and not force:
        raise HemaPilotsError(
            f"{out}: it holds the results of {other}, not of {source}; name another folder, or replace them with --force"
        )


def _other_source(out: Path, source: str) -> str | None:
    """Whose results a folder holds where they are not, or cannot be told to be, of this source; None where it is free or its own."""
    try:
        found = json.loads((out / "source.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        found = None
    earlier = found.get("source") if isinstance(found, dict) else None
    if earlier is None:
        return "a source that is not named" if (out / "secret").exists() else None
    return None if earlier == source else f"source {earlier}"


def harmonize_extract(extract: Path, mapping: dict, use_case: dict) -> Harmonization:
    """Ingests, harmonizes and judges an extract. Raises HemaPilotsError where it is unusable."""
    from hemapilots.harmonize.engine import harmonize
    from hemapilots.harmonize.episodes import episodes
    from hemapilots.harmonize.reading.units import load_factors
    from hemapilots.ingest.readers import ingest
    from hemapilots.quality import load_checks, released_record

    if not extract.exists():
        raise HemaPilotsError(f"{extract}: no such folder; give the folder that holds the extract")
    delivered, factors = ingest(extract, mapping), load_factors(RESOURCES / "units" / "factors.csv")
    harmonized, issues, flow = harmonize(delivered, use_case, mapping, factors)
    events, of_episodes = episodes(delivered, use_case, mapping, factors, harmonized)
    issues = pd.concat([issues, of_episodes], ignore_index=True)
    rules = load_checks(RESOURCES / "quality" / "thresholds.yaml", use_case)
    exact = released_record(harmonized, issues, flow, use_case, rules, rounding=1, secret=b"", minimum_cell=1)
    return Harmonization(harmonized, events, issues, flow, exact, rules)


def warnings_of(made: Harmonization, mapping: dict) -> list[str]:
    """Sentences on what whoever delivers the extract should look at, though it can be read."""
    from hemapilots.quality.doubts import warnings
    from hemapilots.support import MINIMUM_SUPPORT

    few = f"fewer than {MINIMUM_SUPPORT} patients are kept: quality.json shows no count, and no check can be judged from it"
    return [*([few] if len(made.harmonized) < MINIMUM_SUPPORT else []), *warnings(made.issues, mapping)]


def write_harmonization(made: Harmonization, mapping: dict, use_case: dict, out: Path) -> dict:
    """Everything into one private folder; returns the quality record as released.

    harmonized, events and issues (.parquet), flow.json and checks.csv stay at the hospital, as does `secret`, which decides what is
    hidden beside small counts and belongs to the source: the same folder for its next extract keeps it. source.json says whose results
    they are. quality.json leaves
    through the exit with an enforced gate, small counts hidden and the others rounded; quality.html is drawn from it, and
    ledger.parquet lists what was released, run after run. Folder and files are for their owner only.
    Raises Refusal, after the ledger is written, where the gate says no.
    """
    from hemapilots.quality import released_record, site_secret
    from hemapilots.quality.exit import QualityExit
    from hemapilots.report.quality_page import quality_page
    from hemapilots.support import MINIMUM_SUPPORT

    with _private(out):
        write_parquet(out / "harmonized.parquet", made.harmonized)
        write_parquet(out / "events.parquet", made.events)
        write_parquet(out / "issues.parquet", made.issues)
        write_json(out / "flow.json", made.flow)
        rows = [{name: _cell(value) for name, value in row.items()} for row in made.exact["checks"]]
        write_csv(out / "checks.csv", pd.DataFrame(rows))
        if _other_source(out, mapping["name"]):
            (out / "secret").unlink(missing_ok=True)
        write_json(out / "source.json", {"source": mapping["name"], "use_case": mapping["use_case"]})
        secret = site_secret(out, mapping["name"], "enforce")
        record = released_record(made.harmonized, made.issues, made.flow, use_case, made.rules, MINIMUM_SUPPORT, secret)
        exit_ = QualityExit(mapping["name"], "harmonize", "enforce", use_case=use_case, mappings=[mapping])
        try:
            exit_.release_json("quality", record, out / "quality.json")
        finally:
            _add_to_ledger(exit_.entries, mapping["name"], out / "ledger.parquet")
        write_text(out / "quality.html", quality_page(record, mapping["name"], use_case))
    return record


@contextmanager
def _private(folder: Path) -> Iterator[None]:
    """What is written meanwhile is for its owner only, and so is the folder, also where it was there before."""
    before = os.umask(0o077)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        yield
    finally:
        os.umask(before)


def _add_to_ledger(entries: list[dict], site: str, path: Path) -> None:
    """Adds to what was released of this folder before; `site` is the source that it was of."""
    from hemapilots.federation.release import LEDGER_COLUMNS

    new = pd.DataFrame([entry | {"site": site} for entry in entries], columns=["site", *LEDGER_COLUMNS])
    new["privacy_spent"] = new["privacy_spent"].astype(float)
    earlier = [read_parquet(path)] if path.exists() else []
    write_parquet(path, pd.concat([*earlier, new], ignore_index=True)[["site", *LEDGER_COLUMNS]] if earlier else new)


def _cell(value):
    return " to ".join(f"{part:g}" for part in value) if isinstance(value, list) else value
