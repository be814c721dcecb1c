"""How unlike the sites are, and what the scenario changed; from released files."""

import math
from itertools import combinations

from hemapilots.report.released import Released
from hemapilots.report.words import Labels, number, signed

__all__ = ["difference_rows", "influence_rows", "scenario_facts"]

FAULTS = {
    "drop": "drops out for good in round {round}",
    "late": "answers too late from round {round} on, in {share:.0%} of the rounds",
    "nan": "sends updates that are not finite from round {round} on, in {share:.0%} of the rounds",
    "poison": "sends updates multiplied by {factor:g} from round {round} on, in {share:.0%} of the rounds",
}
SKEWS = {
    "quantity": "in size",
    "time": "in event times",
    "censoring": "in the share with the event",
    "covariate": "in {variable}",
}


def scenario_facts(varies: dict | None, labels: Labels) -> list[str]:
    """What a scenario changed of its pilot, a sentence each; none of a pilot itself."""
    if not varies:
        return []
    facts = []
    if split := varies.get("split"):
        shares = ", ".join(f"{site} {share:.0%}" for site, share in split["sites"].items())
        facts.append(f"All patients were dealt to sites anew, at random by seed {split['seed']}: {shares}.")
        if skew := split.get("skew"):
            words = SKEWS[skew["of"]].format(variable=labels.variable(skew.get("variable") or "").lower())
            facts.append(
                f"The sites are made unlike {words}: of each class of patients they get parts drawn from a Dirichlet distribution "
                f"with concentration {skew.get('concentration', 0.5):g}; the shares are those parts on average."
            )
    for site, variables in varies.get("absent", {}).items():
        facts.append(f"{site} lacks {', '.join(labels.variable(name) for name in variables)}.")
    if site := varies.get("leave_out"):
        facts.append(
            f"{site} takes no part in training, local models apart, and is judged all the same: its row among the sites tells how the "
            "model travels there. Absolute risks there rest on its own baseline hazard."
        )
    for site, fault in varies.get("faults", {}).items():
        words = FAULTS[fault["kind"]].format(**{"round": 1, "share": 1.0} | fault).replace("by -", "by −")
        facts.append(
            f"In every federation save those of fitted scores, {site} {words.replace(', in 100% of the rounds', '')}."
        )
    if recurrent := varies.get("recurrent"):
        named = ", ".join(labels.use_case["recurrent"][name]["label"] for name in recurrent)
        facts.append(f"Recurrent events ({named}) are described in the report of the pilot alone.")
    return [fact.replace("%", " %") for fact in facts]


def difference_rows(released: Released, labels: Labels) -> list[dict]:
    """Per variable of Table 1 the largest standardised mean difference between two sites, and which sites; largest first.

    Of categories it is that of the level that differs most. Sites with a suppressed figure are left out.
    """
    rows = []
    for name, spec in next(iter(released.quality.values()))["table_one"].items():
        found = {site: record["table_one"][name] for site, record in released.quality.items()}
        apart = [
            (difference, sites)
            for sites in combinations(found, 2)
            if (difference := standardised(found[sites[0]], found[sites[1]])) is not None
        ]
        if apart:
            largest, sites = max(apart)
            rows.append(
                {"label": spec["label"], "value": largest, "text": number(largest, 2), "sites": " and ".join(sites)}
            )
    return sorted(rows, key=lambda row: -row["value"])


def influence_rows(released: Released, labels: Labels) -> list[dict]:
    """Per site what the primary model is without it: the metric, its change, the coefficient that moves most, and how far all do."""
    if released.influence is None:
        return []
    rows = []
    for row in released.influence.dropna(subset=["site"]).to_dict("records"):
        told = {"site": row["site"], "metric": number(row["metric"], 4), "change": signed(row["change"], 4)}
        linear = isinstance(row["column"], str)
        told["column"] = labels.column(row["column"]) if linear else ""
        told["moved"] = f"{signed(row['coefficient'], 2)} to {signed(row['coefficient_without'], 2)}" if linear else ""
        rows.append(told | {"spread": number(row["root_mean_square"], 3) if linear else ""})
    return rows


def standardised(one: dict, other: dict) -> float | None:
    """The standardised mean difference of two cells of Table 1, absolute; None where it cannot be told."""
    if one["type"] == "number":
        parts = (one["mean"], one["sd"], other["mean"], other["sd"])
        return None if None in parts else _ratio(parts[0] - parts[2], parts[1] ** 2, parts[3] ** 2)
    found = []
    for level, part in one["levels"].items():
        parts = (part, one["n"], other["levels"].get(level), other["n"])
        if None not in parts and parts[1] and parts[3]:
            p, q = parts[0] / parts[1], parts[2] / parts[3]
            found.append(_ratio(p - q, p * (1 - p), q * (1 - q)))
    told = [value for value in found if value is not None]
    return max(told) if told else None


def _ratio(difference: float, first: float, second: float) -> float | None:
    """|difference| over the root of the mean variance; None where neither varies and they differ."""
    spread = math.sqrt((first + second) / 2)
    return abs(difference) / spread if spread else (0.0 if not difference else None)
