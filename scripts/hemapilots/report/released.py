"""What a report may read: the files that sites released and what was made from them."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
import yaml

from hemapilots.errors import HemaPilotsError
from hemapilots.tables import read_parquet

__all__ = ["Released", "read_released"]

MANY_SITES = 6


@dataclass(frozen=True)
class Released:
    """One pilot's released results. `study` is the pilot's resolved configuration (title, sharing, gate, sites, split, public,
    harmonize, evaluate, in_sample, citation); `cards` by (endpoint, model, regime); `quality` by site; tables carry a `site` column."""

    study: dict
    protocol: dict
    agreed: dict
    quality: dict[str, dict]
    counts: pd.DataFrame
    curves: pd.DataFrame
    calibration: pd.DataFrame
    reclassification: pd.DataFrame
    log_rank: pd.DataFrame
    sensitivity: pd.DataFrame
    distributions: pd.DataFrame
    importance: pd.DataFrame
    survshap: pd.DataFrame
    worked: list[dict]
    worked_risks: pd.DataFrame
    pooled_curves: pd.DataFrame | None
    influence: pd.DataFrame | None
    metrics: pd.DataFrame
    comparisons: pd.DataFrame
    verdict: dict
    cards: dict[tuple[str, str, str], dict]
    ledger: pd.DataFrame
    truth: dict | None
    recipe_calibration: pd.DataFrame | None
    source_flow: list[dict]
    benchmarks: pd.DataFrame
    recurrent: pd.DataFrame | None = None
    pooled_recurrent: pd.DataFrame | None = None
    contest: pd.DataFrame | None = None

    @property
    def primary(self) -> dict:
        """endpoint, model, regime, metric and horizon of the primary analysis."""
        return self.verdict["primary"]

    @property
    def many_sites(self) -> bool:
        """Whether there are more sites than tables have room for in columns; what each one's model does everywhere is then left to
        metrics.csv."""
        return len(self.study["sites"]) > MANY_SITES

    @property
    def endpoints(self) -> list[str]:
        """The primary endpoint first."""
        first = self.primary["endpoint"]
        return [first, *(name for name in self.study["evaluate"]["endpoints"] if name != first)]

    @cached_property
    def figures(self) -> dict[tuple, list[dict]]:
        """Rows of the metrics over all patients by (endpoint, model, regime, metric, evaluated_on)."""
        found: dict[tuple, list[dict]] = {}
        for row in self.metrics[self.metrics["subgroup"] == "all"].to_dict("records"):
            found.setdefault(
                (row["endpoint"], row["model"], row["regime"], row["metric"], row["evaluated_on"]), []
            ).append(row)
        return found

    @property
    def pooled(self) -> bool:
        """Whether rows may be pooled."""
        return self.study["sharing"] != "private"

    def card(self, endpoint: str, model: str, regime: str) -> dict | None:
        """The card of a model, None where there is none."""
        return self.cards.get((endpoint, model, regime))


def read_released(inputs: dict[str, list[Path]], study: dict) -> Released:
    """Read the inputs of a report, by name. Raises HemaPilotsError where one of them lies in a site's private folder.

    inputs: protocol, columns, quality, counts, curves, calibration, reclassification, log_rank, sensitivity, distributions, importance,
    survshap, worked, worked_risks, metrics, comparisons, verdict, models (folders), ledgers, truth and recipe_calibration (none for real
    patients), source (the quality record of a public source whose records were dealt to sites), and where rows may be pooled
    influence, pooled_curves, pooled_calibration, pooled_reclassification, pooled_log_rank and pooled_sensitivity.
    recurrent and pooled_recurrent are there where the use case has recurrent events, contest where a site has faults.
    """
    for path in (path for paths in inputs.values() for path in paths):
        if "sites" in path.parts:
            raise HemaPilotsError(f"{path}: a report may not read a site's private folder; give it a released file")
    return Released(
        study=study,
        protocol=yaml.safe_load(inputs["protocol"][0].read_text(encoding="utf-8")),
        agreed=_json(inputs["columns"][0]),
        quality={path.stem: _json(path) for path in inputs["quality"]},
        counts=pd.concat([read_parquet(path) for path in inputs["counts"]], ignore_index=True),
        curves=_stacked(inputs["curves"]),
        reclassification=_stacked([*inputs["reclassification"], *inputs.get("pooled_reclassification", [])]),
        distributions=_stacked(inputs["distributions"]),
        log_rank=_stacked([*inputs["log_rank"], *inputs.get("pooled_log_rank", [])]),
        sensitivity=_stacked([*inputs["sensitivity"], *inputs.get("pooled_sensitivity", [])]),
        calibration=_stacked([*inputs["calibration"], *inputs.get("pooled_calibration", [])]),
        importance=_stacked(inputs["importance"]),
        survshap=_stacked(inputs["survshap"]),
        worked=_json(inputs["worked"][0]),
        worked_risks=_stacked(inputs["worked_risks"]),
        pooled_curves=pd.read_csv(inputs["pooled_curves"][0]) if inputs.get("pooled_curves") else None,
        influence=pd.read_csv(inputs["influence"][0]) if inputs.get("influence") else None,
        metrics=pd.read_csv(inputs["metrics"][0]),
        comparisons=pd.read_csv(inputs["comparisons"][0], dtype={"p": str}),
        verdict=_json(inputs["verdict"][0]),
        cards=_cards(inputs["models"]),
        ledger=pd.concat([read_parquet(path).assign(site=path.stem) for path in inputs["ledgers"]], ignore_index=True),
        truth=_json(inputs["truth"][0]) if inputs.get("truth") else None,
        recipe_calibration=pd.read_csv(inputs["recipe_calibration"][0]) if inputs.get("recipe_calibration") else None,
        source_flow=_json(inputs["source"][0])["flow"] if inputs.get("source") else [],
        benchmarks=_benchmarks(inputs["protocol"][0].parent / "run" / "benchmarks"),
        recurrent=_stacked(inputs["recurrent"]) if inputs.get("recurrent") else None,
        pooled_recurrent=pd.read_csv(inputs["pooled_recurrent"][0]) if inputs.get("pooled_recurrent") else None,
        contest=pd.read_csv(inputs["contest"][0]) if inputs.get("contest") else None,
    )


def _stacked(paths: list[Path]) -> pd.DataFrame:
    # Categories of a score may be digits, and are texts all the same.
    tables = [pd.read_csv(path, dtype={"category": str}) for path in paths]
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)


def _json(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


def _cards(folders: list[Path]) -> dict[tuple[str, str, str], dict]:
    cards = (_json(path) for folder in folders for path in sorted(folder.rglob("*.json")))
    return {
        (card["endpoint"], card["model"] if not card["regime"].startswith("score/") else "score", card["regime"]): card
        for card in cards
    }


def _benchmarks(folder: Path) -> pd.DataFrame:
    """One row per job: job, s (wall time), max_rss (MiB); empty where nothing was measured."""
    tables = [pd.read_csv(path, sep="\t").assign(job=path.stem) for path in sorted(folder.glob("*.tsv"))]
    return (
        pd.concat(tables, ignore_index=True)[["job", "s", "max_rss"]]
        if tables
        else pd.DataFrame(columns=["job", "s", "max_rss"])
    )
