"""The verdict in plain words: what was asked, what was found, and what of the pilot is real."""

from hemapilots.report.clinical_words import clinical_criterion
from hemapilots.report.periods_section import judged_from, temporal_sentence
from hemapilots.report.released import Released
from hemapilots.report.words import Labels, count, p_value, signed_interval

__all__ = ["criteria", "headline", "invented_sites", "reality"]

_SMALL = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def headline(verdict: dict) -> str:
    """One sentence on how many criteria are met, and one on the first that is not."""
    outcomes = [one["outcome"] for one in verdict["criteria"]]
    met, open_, total = outcomes.count("met"), outcomes.count("not assessable"), len(outcomes)
    if met == total:
        return f"All {_word(total)} criteria met." if total > 1 else "The one criterion is met."
    text = f"{_word(met).capitalize()} of {_word(total)} criteria met" if total > 1 else "The one criterion is not met"
    text += f", {_word(open_)} not assessable" if open_ else ""
    failed = next(one for one in verdict["criteria"] if one["outcome"] != "met")
    after = "; what comes after it in the sequence is exploratory" if failed is not verdict["criteria"][-1] else ""
    return f"{text}. The first that is not met: {failed['name']}{after}."


def criteria(released: Released, labels: Labels) -> list[dict]:
    """Per criterion: name, question, result, rule, outcome, sequence, note, sites."""
    primary = released.primary
    metric = labels.metric(primary["metric"], primary["horizon"])
    simulated = released.study["sharing"] == "synthetic" or _random(released.study)
    return [
        (
            clinical_criterion(one, labels, released.study)
            if "parts" in one
            else _criterion(one, primary, metric, labels)
        )
        | {"caution": _caution(one, simulated)}
        for one in released.verdict["criteria"]
    ]


def invented_sites(study: dict) -> bool:
    """Whether no site is one of the real world: invented patients, or parts dealt at random."""
    return study["sharing"] == "synthetic" or _random(study)


def _random(study: dict) -> bool:
    """Whether the sites are random parts of one cohort."""
    return bool(study["split"]) and not study["split"].get("by")


def _caution(one: dict, simulated_sites: bool) -> str:
    """What a comparison with local models cannot show where sites were made by chance (METHODS 6)."""
    against = one["against"]["regime"] or ""
    if not simulated_sites or one["test"] != "superior" or not against.startswith("local/"):
        return ""
    return (
        "The sites are simulated and differ by chance or recipe only: this says that more patients help, "
        "not that a federation of real hospitals would."
    )


def _criterion(one: dict, primary: dict, metric: str, labels: Labels) -> dict:
    ours = labels.subject(primary["model"], primary["regime"], primary)
    against = one["against"]
    theirs = labels.subject(against["model"], against["regime"], primary) if against["model"] else "the score to beat"
    margin = f"{one.get('margin') or 0:g}"
    threshold = -(one.get("margin") or 0.0)
    difference = signed_interval(one["estimate"], one["lower"], one["upper"], _digits(one["lower"], threshold))
    if one["test"] == "non_inferior":
        question = f"Does {ours} rank patients as well as {theirs}, losing less than {margin} in {metric}?"
        rule = f"met if the lower limit lies above −{margin}"
    elif one["test"] == "superior":
        question = f"Does {ours} rank patients better than {theirs}?"
        rule = "met if the lower limit lies above 0"
    else:
        question = f"Does {ours} rank patients at no site worse than {theirs} by {margin} or more?"
        rule = f"met if at every site with at least {one['minimum_events']} events the lower limit lies above −{margin}"
    sites = [
        site
        | {"text": signed_interval(site["estimate"], site["lower"], site["upper"], _digits(site["lower"], threshold))}
        for site in one.get("sites") or []
    ]
    where = f" (lowest lower limit: {one['site']})" if one.get("site") else ""
    return {
        "name": one["name"],
        "against": one["against"],
        "question": question,
        "difference": difference + where,
        "rule": rule,
        "outcome": one["outcome"],
        "sequence": one["sequence"],
        "size": f"{count(one['n'])} patients, {count(one['events'])} events" if one.get("n") else "",
        "p": _difference_by_chance(one.get("p")),
        "reason": one.get("reason"),
        "estimand": one.get("estimand"),
        "sites": sites,
    }


def _digits(lower: float | None, threshold: float) -> int:
    """Decimals that tell on which side of 0 and of the threshold a limit lies: three, and more where it lies near."""
    limit = lower or 0.0
    near = [one for one in (0.0, threshold) if one != limit]
    return next((k for k in range(3, 7) if all(round(limit, k) != round(one, k) for one in near)), 6)


def reality(released: Released) -> list[dict]:
    """One sentence each on patients, sites, split and federation: what is real, what is simulated."""
    study = released.study
    resampling = released.protocol["protocol"]["resampling"]
    how_many = len(study["sites"])
    if study["sharing"] == "synthetic":
        patients = (
            "Simulated: invented patients drawn from a recipe with a known truth; figures show that the pipeline works, "
            "not that a model is of clinical use."
        )
        sites = f"Simulated: {how_many} invented sites, each with a file format of its own."
    else:
        patients = "Real: " + (
            "a public cohort, already explored by others."
            if study["sharing"] == "public"
            else "the sites’ own patients."
        )
        sites = f"Real: {how_many} sites that delivered their own records."
    if study["split"] and not _random(study):
        sites = f"Real: the source names the site of each patient in its column “{study['split']['by']}”: {how_many} natural sites."
    elif study["split"]:
        shares = "/".join(f"{100 * share:g}" for share in study["split"]["sites"].values())
        skewed = study["split"].get("skew")
        nature = (
            "they are made unlike, as said under “How unlike the sites are”"
            if skewed
            else "such sites differ by chance only"
        )
        sites = f"Simulated: records were dealt at random to {how_many} sites ({shares} %, seed {study['split']['seed']}); {nature}."
    repeats = resampling["replicates"]
    again = f", repeated {repeats} times" if repeats > 1 else ""
    split = temporal_sentence(released) + " Internal validation of the same sites; no external validation was done."
    if judged_from(released) is None:
        split = (
            f"{resampling['folds']}-fold cross-validation{again}, stratified by site and "
            "event: internal validation. No patient is scored by a model that saw that patient; no external validation was done. "
        ) + temporal_sentence(released)
    federation = (
        "Simulated: the sites’ programs ran in one process on one machine; only their messages were exchanged, and each is "
        "in the ledger, but no network or institution was crossed."
    )
    return [
        {"what": "Patients", "text": patients},
        {"what": "Sites", "text": sites},
        {"what": "Split", "text": split},
        {"what": "Federation", "text": federation},
    ]


def _word(value: int) -> str:
    return _SMALL[value] if value < len(_SMALL) else str(value)


def _difference_by_chance(p: str | None) -> str | None:
    """A criterion's p in words; identical predictions have none."""
    if p in (None, "identical"):
        return p and "identical predictions"
    return f"two-sided p of no difference {p_value(float(p))}"
