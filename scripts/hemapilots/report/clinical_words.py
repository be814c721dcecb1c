"""The clinical criteria of a verdict in plain words."""

from hemapilots.report.words import Labels, number, signed
from hemapilots.texts import years

__all__ = ["clinical_criterion"]


def clinical_criterion(one: dict, labels: Labels, study: dict) -> dict:
    """name, question, result (`difference`), rule, outcome, sequence and what else the page shows of a criterion."""
    question, rule, result = _WORDS[one["test"]](one, labels, study)
    shown = {"name": one["name"], "against": one["against"], "question": question, "rule": rule, "found": result}
    return shown | {
        "difference": "",
        "outcome": one["outcome"],
        "sequence": one["sequence"],
        "size": "",
        "p": None,
        "reason": None,
        "estimand": None,
        "sites": [],
    }


def _calibrated(one: dict, labels: Labels, study: dict) -> tuple[str, str, str]:
    margin = f"{one['margin']:g}"
    question = "Do predicted risks of the primary endpoint come true, over all patients and at the sites?"
    rule = f"met if at each horizon the ICI is at most {margin} and O/E lies within 0.8 to 1.25 at four sites in five"
    parts = [f"at {years(part['horizon'])} ICI {number(part['ici'])}, {_ratios(part)}" for part in one["parts"]]
    return question, rule, _sentence(parts, "Not estimable")


def _ratios(part: dict) -> str:
    unknown = part["sites"] - part["sites_assessed"]
    said = f"O/E in range at {part['sites_right']} of {part['sites']} sites"
    return f"{said} (not estimable at {unknown})" if unknown else said


def _useful(one: dict, labels: Labels, study: dict) -> tuple[str, str, str]:
    theirs = (
        labels.regime(one["against"]["regime"])
        if one["against"]["regime"]
        else "the score, which the use case does not name"
    )
    question = (
        f"Is acting on the primary model worth more than acting on {theirs}, over the whole range of each decision?"
    )
    rule = "met if the difference, as a share of the largest possible net benefit and by the band over all thresholds,"
    rule += f" lies nowhere below −{one['margin'] or 0:g} and somewhere above 0"
    names = {decision["name"]: decision["label"] for decision in study["evaluate"]["decisions"]}
    parts = [f"{names[part['decision']]}: {_band(part)}" for part in one["parts"]]
    return question, rule, _sentence(parts, "The use case names no decision")


def _band(part: dict) -> str:
    if part["lowest"] is None:
        return "not estimable"
    return f"lower limits from {signed(part['lowest'])} to {signed(part['highest'])}, {part['outcome']}"


def _fair(one: dict, labels: Labels, study: dict) -> tuple[str, str, str]:
    question = "Does the primary model do as well in every part of the patients and at every site?"
    rule = "met if the stated rule flags no part and no site at the primary endpoint"
    count, large, small = len(one["parts"]), one["parts_large"], one["parts_all"] - one["parts_large"]
    result = f"{count} flagged; they are listed under “Parts of the patients”" if count else "Nothing is flagged"
    result += f"; {one['parts_assessed']} of {large} parts and sites of sufficient size could be judged"
    return question, rule, result + (f", {small} too small" if small else "")


def _sentence(parts: list[str], otherwise: str) -> str:
    text = "; ".join(parts)
    return text[:1].upper() + text[1:] if text else otherwise


_WORDS = {"calibrated": _calibrated, "useful": _useful, "fair": _fair}
