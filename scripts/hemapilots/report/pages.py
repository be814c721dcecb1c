"""Puts a pilot's report together: sections from released results, figures beside the tables they were drawn from, one offline page."""

from pathlib import Path

import pandas as pd
from markupsafe import Markup

from hemapilots.evaluation.curves import incidence_from_counts, kaplan_meier_from_counts
from hemapilots.report import (
    across_section,
    calibration_section,
    checks,
    coefficients,
    cohort,
    differences,
    exchange,
    explanation_section,
    faults_section,
    federated_section,
    instability_section,
    leakage_section,
    log_rank_section,
    performance,
    periods_section,
    provenance,
    recipe_calibration,
    reclassification_section,
    recurrent_section,
    sample_size_section,
    sensitivity_section,
    subgroup_section,
    unlike_sites,
    utility_section,
    verdict_words,
    worked_section,
)
from hemapilots.report.checklists import checklist, grouped
from hemapilots.report.event_flow import event_flow
from hemapilots.report.facts import facts
from hemapilots.report.figures import Drawn
from hemapilots.report.page_templates import render
from hemapilots.report.proportionality_section import proportionality_tables
from hemapilots.report.released import Released, read_released
from hemapilots.report.survival_curves import curve_figures, everyone, incidence_at, median_time
from hemapilots.report.words import Labels, cell_of_time, interval, number
from hemapilots.summary import record_of
from hemapilots.tables import write_csv, write_json, write_text
from hemapilots.texts import years

__all__ = ["render_report"]


def render_report(inputs: dict[str, list[Path]], study: dict, page: Path, figures: Path, summary: Path) -> None:
    """Write the page, the checklists beside it, figures/*.svg with figures/*.csv, and the pilot's line for the index.

    inputs: see `read_released`.
    """
    released = read_released(inputs, study)
    labels = Labels(study)
    drawn = _figures(released, labels)
    for one in drawn.values():
        write_text(figures / f"{one.name}.svg", _standalone(one.svg))
        write_csv(figures / f"{one.name}.csv", one.table)
    context = _context(released, labels)
    for one in context["checklists"]:
        write_csv(page.with_name(one["file"]), one["table"])
    write_json(summary, record_of(released.verdict, released.metrics, released.quality, study))
    inline = {name: _Inline(one) for name, one in drawn.items()}
    across = [name for name in inline if name.startswith("across_")]
    write_text(page, render("report.html", **context, figures=inline, across_figures=across))


class _Inline:
    """A figure as templates use it."""

    def __init__(self, drawn: Drawn):
        self.title, self.svg = drawn.title, Markup(drawn.svg)


def _standalone(svg: str) -> str:
    return f'<?xml version="1.0" encoding="utf-8"?>\n{svg}'


def _figures(released: Released, labels: Labels) -> dict[str, Drawn]:
    drawn = []
    for endpoint in released.endpoints:
        drawn += curve_figures(released, endpoint, labels.endpoint(endpoint))
        drawn += [
            performance.regime_forest(released, labels, endpoint),
            differences.difference_forest(released, labels, endpoint),
        ]
        drawn += [performance.site_forest(released, labels, endpoint)]
        drawn += across_section.across_forests(released, labels, endpoint)
        drawn += calibration_section.calibration_figures(released, labels, endpoint)
        parts = subgroup_section.subgroup_forest(released, labels, endpoint)
        drawn += [parts] if parts else []
        rows = coefficients.coefficient_rows(released, labels, endpoint)
        if rows:
            drawn += [coefficients.coefficient_forest(rows, endpoint, labels.endpoint(endpoint))]
            truth = coefficients.truth_figure(rows, endpoint, labels.endpoint(endpoint))
            drawn += [truth] if truth else []
        drawn += explanation_section.explanation_figures(released, labels, endpoint)
    drawn += utility_section.decision_figures(released, labels)
    drawn += recurrent_section.mean_figures(released, labels)
    sensitivity = sensitivity_section.sensitivity_forest(released, labels)
    drawn += [sensitivity] if sensitivity else []
    return {one.name: one for one in drawn}


def _context(released: Released, labels: Labels) -> dict:
    sample_size = sample_size_section.sample_size_rows(released, labels)
    primary, spec, use_case = released.primary, released.study["evaluate"], released.study["harmonize"]
    return {
        "study": released.study,
        "labels": labels,
        "primary": primary,
        "endpoints": released.endpoints,
        "sites": list(released.quality),
        "minimum": next(iter(released.quality.values()))["minimum_cell"],
        "totals": cohort.totals(released),
        "verdict": released.verdict,
        "estimate": interval(released.verdict["primary_estimate"]),
        "headline": verdict_words.headline(released.verdict),
        "criteria": verdict_words.criteria(released, labels),
        "reality": verdict_words.reality(released),
        "table": performance.headline_table(released, labels),
        "flow": cohort.flow_rows(released),
        "endpoint_rows": cohort.endpoint_rows(released, labels),
        "events": event_flow(released.quality, {name: labels.endpoint(name) for name in released.endpoints}),
        "table_one": cohort.table_one(released, labels),
        "quality": cohort.quality_rows(released),
        "scores": cohort.score_rows(released.quality),
        "checks": checks.check_tables(released.quality),
        "medians": _medians(released, labels),
        "incidences": _incidences(released, labels),
        "site_tests": log_rank_section.site_tests(released, labels),
        "proportionality": proportionality_tables(released, labels),
        "scenario": unlike_sites.scenario_facts(released.study["varies"], labels),
        "faults": faults_section.fault_rows(released, labels),
        "fault_margin": faults_section.margin_of(released),
        "absences": faults_section.absence_rows(released, labels),
        "influence": unlike_sites.influence_rows(released, labels),
        "unlike": unlike_sites.difference_rows(released, labels),
        "group_tests": log_rank_section.group_tests(released, labels),
        "competing": spec["competing"],
        "leaks": leakage_section.leakage_lines(released, labels),
        "subdistribution": _of_incidence(released),
        "late": {name: use_case["endpoints"][name]["scale"] for name in spec["entry"]},
        "site_tables": [performance.site_table(released, labels, endpoint) for endpoint in released.endpoints],
        "horizon_tables": performance.horizon_tables(released, labels),
        "calibration_tables": calibration_section.calibration_tables(released, labels),
        "ratio_tables": calibration_section.ratio_tables(released, labels),
        "reclassified": reclassification_section.reclassification_tables(released, labels),
        "periods": periods_section.period_tables(released, labels),
        "temporal": periods_section.temporal_sentence(released),
        "sensitivity": sensitivity_section.sensitivity_tables(released, labels),
        "instability": instability_section.instability_tables(released, labels),
        "across_tables": across_section.across_tables(released, labels),
        "federated_tables": federated_section.federated_tables(released, labels),
        "decision_tables": utility_section.decision_tables(released, labels),
        "subgroup_tables": subgroup_section.subgroup_tables(released, labels),
        "subgroup_minimum": subgroup_section.MINIMUM,
        "flag_rows": subgroup_section.flag_rows(released, labels),
        "recurrent": recurrent_section.outcomes(released, labels),
        "pooled": released.pooled,
        "coefficient_tables": _coefficient_tables(released, labels),
        "explanations": explanation_section.explanation_tables(released, labels),
        "worked": worked_section.worked_patient(released, labels),
        "worked_risks": worked_section.risk_rows(released, labels),
        "sample_size": sample_size,
        "checklists": _checklists(released, labels, sample_size_section.sample_size_sentence(sample_size)),
        "sample_size_sentence": sample_size_section.sample_size_sentence(sample_size),
        "anticipated": sample_size_section.ANTICIPATED,
        "left_out": coefficients.left_out_rows(released, labels),
        "penalties": coefficients.penalty_rows(released, labels),
        "truth": released.truth,
        "recipe_calibration": recipe_calibration.rows_and_counts(released.recipe_calibration),
        "ledger_sites": exchange.site_rows(released.ledger),
        "ledger_types": exchange.message_rows(released.ledger),
        "ledger_training": exchange.training_rows(released, labels),
        "refusals": exchange.refusals(released, labels),
        "twin": exchange.twin(released, labels),
        "protocol": released.protocol,
        "cell": cell_of_time(released.protocol["protocol"]["times"]["step"]),
        "protocol_rows": provenance.protocol_rows(released, labels),
        "seeds": provenance.seeds(released),
        "times": provenance.stage_times(released),
        "versions": provenance.versions(),
    }


def _checklists(released: Released, labels: Labels, sample_size: str) -> list[dict]:
    """Each checklist with its file, its rows and the table that they are."""
    known, found = facts(released, labels, sample_size), []
    for one in released.study["checklists"]:
        table = checklist(one["items"], known)
        head = {"title": one["title"], "source": one["source"], "file": f"{one['name']}.csv"}
        found.append(head | grouped(table) | {"table": table})
    return found


def _coefficient_tables(released: Released, labels: Labels) -> list[dict]:
    primary, tables = released.primary, []
    for endpoint in released.endpoints:
        card = released.card(endpoint, primary["model"], primary["regime"])
        rows = coefficients.coefficient_rows(released, labels, endpoint)
        if rows:
            top = rows[: coefficients.TOP]
            known = any(row["truth"] is not None for row in rows)
            table = {"endpoint": endpoint, "label": labels.endpoint(endpoint), "rows": top, "columns": len(rows)}
            zero = sum(row["coefficient"] == 0 for row in card["coefficients"])
            shift = coefficients.shift_from_pooled(released, endpoint)
            table |= {"zero": zero, "shift": None if shift is None else number(shift, 4)}
            tables.append(table | {"card": card, "truth": known})
    return tables


def _curves(released: Released, endpoint: str, curve_of) -> dict[str, pd.DataFrame]:
    """The curves of an endpoint, of all sites together and of each."""
    own, total = released.curves[released.curves["endpoint"] == endpoint], everyone(released, endpoint)
    curves = {"All sites": curve_of(total)} if len(total) else {}
    return curves | {site: curve_of(curve) for site, curve in own.groupby("site", sort=True)}


def _of_incidence(released: Released) -> list[str]:
    """The models of the cumulative incidence itself."""
    return [name for name, model in released.protocol["protocol"]["models"].items() if model["kind"] == "fine_gray"]


def _medians(released: Released, labels: Labels) -> list[dict]:
    """Median times of the endpoints without competing events."""
    rows = []
    for endpoint in (name for name in released.endpoints if name not in released.study["evaluate"]["competing"]):
        for who, curve in _curves(released, endpoint, kaplan_meier_from_counts).items():
            last = curve["time"].iloc[-1]
            found = {
                name: f"> {last:g}" if value is None else number(value, 1)
                for name, value in zip(("median", "lower", "upper"), median_time(curve), strict=True)
            }
            ends = number(last, 2)
            rows.append({"endpoint": labels.endpoint(endpoint), "who": who, "end": ends} | found)
    return rows


def _incidences(released: Released, labels: Labels) -> list[dict]:
    """Cumulative incidence at the horizons of endpoints with competing events."""
    tables, spec = [], released.study["evaluate"]
    for endpoint in (name for name in released.endpoints if name in spec["competing"] and name not in spec["entry"]):
        horizons = spec["horizons"][endpoint]
        rows = []
        for who, curve in _curves(released, endpoint, incidence_from_counts).items():
            rows.append({"who": who, "cells": [_incidence(curve, horizon) for horizon in horizons]})
        heads = [f"By {years(horizon)}" for horizon in horizons]
        tables.append({"endpoint": labels.endpoint(endpoint), "heads": heads, "rows": rows})
    return tables


def _incidence(curve: pd.DataFrame, horizon: float) -> str:
    """Cumulative incidence with its interval, ≈ where it is interpolated inside a merged cell."""
    found = incidence_at(curve, horizon)
    if not found:
        return "not shown"
    return ("" if (curve["time"] - horizon).abs().min() < 1e-9 else "≈ ") + interval(found)
