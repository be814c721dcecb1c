"""What left each site, from the ledgers, and what a private federation would have refused."""

import pandas as pd

from hemapilots.report.released import Released
from hemapilots.report.words import Labels, count, signed_interval

__all__ = ["message_rows", "refusals", "site_rows", "training_rows", "twin"]

MEANING = {
    "moments": "patients, events and sums per column, for scaling",
    "median_counts": "counts below a value, to find medians",
    "agreed": "a sign that the site is ready",
    "newton_statistics": "log-likelihood, gradient and Hessian",
    "descent": "coefficients after local steps",
    "local_training": "network weights after local steps",
    "controlled_descent": "coefficients and control variates after local steps",
    "controlled_training": "network weights and control variates after local steps",
    "local_fit": "coefficients of the site alone, with their information",
    "surrogate": "coefficients of the surrogate likelihood",
    "training_sizes": "patients in each training set",
    "grow": "trees, their hazards over stretches of five events or more",
    "proportionality": "sums for the test of proportional hazards",
    "bin_sums": "sums per column and bin in each node of a tree",
    "likelihoods": "log-likelihoods, to choose the penalty",
    "baselines": "baseline hazard on the protocol’s grid",
    "death_counts": "deaths at exact times",
    "score_squares": "squared score residuals, summed, for robust standard errors",
    "risk_sums": "risk-set sums at exact times",
    "weighted_squares": "weighted squares of the columns",
    "support": "whether each column has enough carriers, or gives the outcome away",
    "quality": "the counts of this report’s data section",
    "site_metrics": "the site’s own figures",
    "site_counts": "figures with their weights, for combination",
    "curves": "merged counts for survival curves",
    "histograms": "merged counts by predicted risk and time, for figures over all sites",
    "calibration": "smoothed curves and groups for calibration figures",
    "recurrent": "mean numbers and rates of episodes, and their ratios between groups",
    "reclassification": "patients of each category of a score by predicted risk",
    "distributions": "merged counts over the usual range of a variable, for quartiles",
    "log_rank": "sums of log-rank tests of subgroups",
    "sensitivity": "the primary figures with censoring judged otherwise",
    "importance": "concordance lost where a variable is dealt anew",
    "worked_patient": "risks of an invented patient under the site’s baseline hazard",
    "survshap": "mean contributions of variables to predictions",
    "local_model": "a model trained at the site alone",
}


def site_rows(ledger: pd.DataFrame) -> list[dict]:
    """Per site: messages, values, bytes, and messages that a private federation would have refused."""
    return [{"site": site} | _sums(part) for site, part in ledger.groupby("site", sort=True)]


def message_rows(ledger: pd.DataFrame) -> list[dict]:
    """The same per type of message, over all sites."""
    rows = [
        {"type": name, "meaning": MEANING.get(name, "")} | _sums(part)
        for name, part in ledger.groupby("message_type", sort=False)
    ]
    return sorted(rows, key=lambda row: -row["raw"])


def _sums(part: pd.DataFrame) -> dict:
    size, sent = int(part["bytes"].sum()), part["decision"] != "no answer"
    return {
        "messages": count(sent.sum()),
        "values": count(part["values"].sum()),
        "bytes": _bytes(size),
        "raw": size,
        "refused": count((part["decision"] == "would refuse").sum() + (part["decision"] == "refused").sum()),
    }


def _bytes(size: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} B"


def training_rows(released: Released, labels: Labels) -> list[dict]:
    """Per federation: rounds, values sent by all sites, and their ratio to n x p, the size of the table that stayed."""
    rows = []
    for endpoint in released.endpoints:
        for (of, model, regime), card in released.cards.items():
            if of != endpoint or regime == "pooled":
                continue
            name = regime.partition("/")[2] if model == "score" else model
            where = regime if model != "score" else "federated/newton"
            stage = f"{where} {name} {endpoint}"
            part = released.ledger[released.ledger["stage"].isin([stage, f"{stage} competing"])]
            cells = card["patients"] * len(card["columns"])
            rows.append(
                {
                    "endpoint": labels.endpoint(endpoint),
                    "label": labels.method(model, regime),
                    "rounds": card["rounds"],
                    "fits": card["fits"],
                    "cells": count(cells),
                    "ratio": f"{part['values'].sum() / cells:,.1f}" if cells else "",
                }
                | _sums(part)
            )
    return rows


def refusals(released: Released, labels: Labels) -> list[dict]:
    """What the gate would have refused: per stage and reason the sites, the types, and the columns that fall short at any of them."""
    refused = released.ledger[released.ledger["decision"].isin(["would refuse", "refused"])]
    # An answer that is not finite is of no use, and stands among the answers that were missed.
    refused = refused[~refused["reason"].str.contains("is not finite")]
    # Nor does what a declared fault did with a message, told behind the reason, belong here.
    refused = refused.assign(reason=refused["reason"].str.split("; ").str[0])
    rows = []
    for stage, part in refused.groupby("stage", sort=False):
        columns: dict[str, None] = {}
        others: dict[str, None] = {}
        for reason in part["reason"].unique():
            what, _, why = reason.rpartition(": ")
            if what.startswith("columns "):
                columns |= dict.fromkeys(what.removeprefix("columns ").split(", "))
            else:
                others[f"{what}: {why}" if what else why] = None
        rows.append(
            {
                "stage": _stage(stage, labels),
                "sites": "all sites"
                if part["site"].nunique() == len(released.study["sites"])
                else ", ".join(sorted(part["site"].unique())),
                "messages": count(len(part)),
                "types": ", ".join(part["message_type"].unique()),
                "columns": sorted((labels.column(column) for column in columns), key=str.casefold),
                "others": list(others),
            }
        )
    return _merged(rows)


_STAGES = {"train_local": "Local models, on their release", "explain": "The invented patient’s risks"}


def _stage(stage: str, labels: Labels) -> str:
    """A ledger's stage in readers' words."""
    words = stage.split()
    if len(words) < 3:
        return _STAGES.get(stage, stage)
    competing = ", the competing event" if words[3:] else ""
    return f"{labels.regime(words[0])}: {labels.score(words[1])}, {labels.endpoint(words[2]).lower()}{competing}"


def _merged(rows: list[dict]) -> list[dict]:
    """Stages with the same sites and columns in one row."""
    out: list[dict] = []
    for row in rows:
        keys = ("columns", "others", "sites")
        same = next((one for one in out if all(one[key] == row[key] for key in keys)), None)
        if same:
            same["stages"].append(row["stage"])
        else:
            out.append(row | {"stages": [row["stage"]]})
    return out


def twin(released: Released, labels: Labels) -> dict | None:
    """The primary model on the columns that a private federation could use, and the paired difference to it: what refusing changes."""
    models, primary = released.protocol["protocol"]["models"], released.primary
    mine = models[primary["model"]]
    wanted = mine | {"supported_only": True}
    names = [name for name, one in models.items() if one == wanted]
    if not names or names[0] == primary["model"]:
        return None
    rows = released.comparisons
    chosen = (
        (rows["endpoint"] == primary["endpoint"])
        & (rows["metric"] == primary["metric"])
        & (rows["evaluated_on"] == "all")
    )
    chosen &= (rows["model"] == primary["model"]) & (rows["regime"] == primary["regime"])
    chosen &= (rows["reference_model"] == names[0]) & (rows["reference_regime"] == primary["regime"])
    found = rows[chosen].sort_values("estimand")
    if found.empty:
        return None
    row = found.iloc[0]
    kept = [len(released.agreed["columns"][primary["endpoint"]][name]) for name in (names[0], primary["model"])]
    lower, upper = -row["upper"], -row["lower"]
    change = signed_interval(-row["difference"], lower, upper)
    meaning = "no clear difference"
    if lower > 0:
        meaning = "it ranks better here without the rare columns"
    elif upper < 0:
        meaning = "leaving the columns out costs that much"
    return {
        "name": names[0],
        "change": change,
        "kept": kept[0],
        "of": kept[1],
        "metric": labels.metric(primary["metric"]),
        "meaning": meaning,
    }
