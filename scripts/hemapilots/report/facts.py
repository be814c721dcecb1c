"""What a run knows of itself in words, for the sentences of the reporting checklists."""

from collections.abc import Mapping

from hemapilots import __version__
from hemapilots.report import verdict_words
from hemapilots.report.periods_section import judged_from, temporal_sentence
from hemapilots.report.provenance import GATES
from hemapilots.report.released import Released
from hemapilots.report.sensitivity_section import sensitivity_sentence
from hemapilots.report.subgroup_section import any_assessed, flag_rows, subgroup_tables
from hemapilots.report.words import Labels, count, interval

__all__ = ["facts"]

_SHARING = {
    "synthetic": "Invented patients; the recipe and its seed give them again.",
    "public": "A public cohort under its own terms; configuration and hashes are shared.",
    "private": "Patient rows stay at the sites; models, figures and ledgers are shared.",
}


def facts(released: Released, labels: Labels, sample_size: str) -> Mapping[str, str]:
    """By name what the sentences of resources/reporting/ may use."""
    return (
        _study(released, labels)
        | _patients(released, labels)
        | _methods(released, labels, sample_size)
        | _found(released, labels)
    )


def _study(released: Released, labels: Labels) -> dict[str, str]:
    study, evaluate, use_case = released.study, released.study["evaluate"], released.study["harmonize"]
    horizons = [
        f"{labels.endpoint(name)} {_list(f'{t:g}' for t in evaluate['horizons'][name])} years"
        for name in released.endpoints
    ]
    decisions = evaluate["decisions"]
    return {
        "pilot": study["pilot"],
        "title": study["title"],
        "question": released.protocol["protocol"]["title"],
        "endpoints": _list(labels.endpoint(name) for name in released.endpoints),
        "horizons": "; ".join(horizons),
        "index_date": use_case["index_date"],
        "comparators": _list(labels.score(name) for name in use_case["comparators"]) or "none",
        "criteria": _list(one["name"] for one in released.protocol["protocol"]["criteria"]) or "none",
        "decisions": _list(one["label"] for one in decisions) or "none",
        "decision_count": str(len(decisions)),
        "subgroups": _list(labels.variable(name) for name in evaluate["subgroups"]) or "none named",
        "competing": " ".join(
            f"{labels.endpoint(a)} competes with “{b.lower()}”." for a, b in evaluate["competing"].items()
        ),
        "inclusion": _inclusion(released),
        "citation": f"Source: {study['citation']}" if study["citation"] else "",
        "in_sample": _list(labels.score(name) for name in study["in_sample"]) or "none",
        "ethics": "Invented patients: none is needed." if study["sharing"] == "synthetic" else "",
        "registration": "Not registered. "
        + ("Invented patients." if study["sharing"] == "synthetic" else _explored(study)),
        "sharing_text": _SHARING[study["sharing"]],
        "version": __version__,
    }


def _explored(study: dict) -> str:
    explored = "The cohort is public and already explored, so the protocol is not pre-registered in the strict sense."
    return explored if study["sharing"] == "public" else "The protocol was hashed before training."


def _inclusion(released: Released) -> str:
    """The rules of inclusion, with the sites where not all checked it; those apart that no records could be held against."""
    flows = {site: {step["label"] for step in record["flow"]} for site, record in released.quality.items()}
    source, met, unchecked = {step["label"] for step in released.source_flow}, [], []
    for rule in (one["label"] for one in released.study["harmonize"].get("inclusion") or ()):
        sites = [site for site, flow in flows.items() if rule in flow]
        if rule in source or len(sites) == len(flows):
            met.append(rule)
        elif sites:
            met.append(f"{rule} (checked at {_list(sites)} alone)")
        else:
            unchecked.append(rule)
    text = f"Included where: {_list(met)}." if met else "Everybody whom the sites delivered."
    return text + (f" Not checked, since nothing that tells it was delivered: {_list(unchecked)}." if unchecked else "")


def _patients(released: Released, labels: Labels) -> dict[str, str]:
    primary = released.primary["endpoint"]
    sizes = released.counts[(released.counts["kind"] == "endpoint") & (released.counts["endpoint"] == primary)]
    told = {one["what"]: one["text"] for one in verdict_words.reality(released)}
    out = sorted(
        set(released.study["sites"]) - set(released.agreed.get("sites", {}).get(primary, released.study["sites"]))
    )
    return {
        "population": told["Patients"],
        "sites_text": told["Sites"],
        "resampling": told["Split"],
        "sites": str(len(released.study["sites"])),
        "site_names": _list(released.study["sites"]),
        "patients": count(sizes["n"].sum(skipna=False)),
        "events": count(sizes["events"].sum(skipna=False)),
        "dropped": f"Too small to train, evaluated only: {_list(out)}."
        if out
        else "None: every site took part in every round.",
    }


def _methods(released: Released, labels: Labels, sample_size: str) -> dict[str, str]:
    protocol, primary = released.protocol["protocol"], released.primary
    model = protocol["models"][primary["model"]]
    card = released.card(primary["endpoint"], primary["model"], primary["regime"]) or {}
    return {
        "model": primary["model"],
        "kind": model["kind"].replace("_", " "),
        "regime": labels.regime(primary["regime"]).lower(),
        "strategy": labels.regime(primary["regime"]),
        "predictor_set": str(model["predictors"]),
        "columns": str(len(card.get("columns", ()))),
        "penalties": _list(f"{value:g}" for value in protocol["penalties"]),
        "bootstrap": count(protocol["bootstrap"]["samples"]),
        "protocol_hash": released.protocol["sha256"],
        "gate": GATES[released.protocol["gate"]],
        "sample_size": sample_size,
        "sensitivity": sensitivity_sentence(released),
        "temporal": temporal_sentence(released),
        "apart": _apart(released),
        "left_out": _left_out(released),
    }


def _apart(released: Released) -> str:
    """How patients of development and of evaluation differ."""
    if judged_from(released) is None:
        return "None by design: the same patients in turn (cross-validation)."
    return f"Calendar time. {temporal_sentence(released)}"


def _left_out(released: Released) -> str:
    primary = released.primary
    rows = [
        row
        for row in released.agreed.get("left_out", ())
        if (row["endpoint"], row["model"]) == (primary["endpoint"], primary["model"])
    ]
    return f"{len(rows)} columns" if rows else "nothing"


def _found(released: Released, labels: Labels) -> dict[str, str]:
    primary, flags = released.primary, flag_rows(released, labels)
    beside = "each site’s own model" + (
        ", and pooled training as a simulation" if released.pooled else "; pooling is not allowed"
    )
    assessed = any_assessed(subgroup_tables(released, labels))
    unflagged = "Nothing is flagged." if assessed else "No part of the patients could be assessed."
    limits = "Validation is internal, at the same sites; intervals are conditional on the fitted models; the federation ran in one process"
    return {
        "metric": labels.metric(primary["metric"], primary["horizon"]),
        "estimate": interval(released.verdict["primary_estimate"]),
        "headline": verdict_words.headline(released.verdict),
        "flags": f"{len(flags)} parts or sites are flagged." if flags else unflagged,
        "limits": f"{limits}." + (" Sites are simulated." if verdict_words.invented_sites(released.study) else ""),
        "messages": count(len(released.ledger)),
        "values": count(released.ledger["values"].sum()),
        "regimes": f"The federated model stands beside {beside}.",
    }


def _list(parts) -> str:
    return ", ".join(parts)
