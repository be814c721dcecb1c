"""Checks that need more than one file: every name that one YAML uses stands in another, and what is impossible is refused.

Each complaint names file, line and field.
"""

from hemapilots.cross_checks.cohort import SITE, check_cohort, load_public
from hemapilots.cross_checks.endpoints import choose_endpoints, restricted, with_bar
from hemapilots.cross_checks.index_year import check_in_time, undated
from hemapilots.cross_checks.mapping import check_mapping, missing_outcomes
from hemapilots.cross_checks.protocol import refusals, resolve_models, resolve_strategies
from hemapilots.cross_checks.scenario import check_poison, check_scenario, scenario_of
from hemapilots.cross_checks.score_tables import load_scores
from hemapilots.cross_checks.source import Source
from hemapilots.cross_checks.use_case import resolve_use_case

__all__ = [
    "SITE",
    "Source",
    "check_cohort",
    "check_in_time",
    "check_mapping",
    "check_poison",
    "check_scenario",
    "choose_endpoints",
    "load_public",
    "load_scores",
    "missing_outcomes",
    "refusals",
    "resolve_models",
    "resolve_strategies",
    "resolve_use_case",
    "restricted",
    "scenario_of",
    "undated",
    "with_bar",
]
