"""The scores that a use case computes: their tables against its variables, and the columns that they become."""

from pathlib import Path

from hemapilots.config.score import Score
from hemapilots.config.shapes import nearest
from hemapilots.config.use_case import UseCase
from hemapilots.cross_checks.predictors import known_at
from hemapilots.cross_checks.score_tables import load_scores
from hemapilots.cross_checks.source import Source

__all__ = ["resolve_scores"]

INPUT_TYPES = ("number", "flag", "category")


def resolve_scores(source: Source, folder: Path) -> dict:
    """{scores, computed}: what harmonization needs of each score, and the columns that follow from it, by name.

    folder: resources/scores. A score reads what is known at the index date, and no other score.
    """
    use_case: UseCase = source.value
    tables = load_scores(folder, use_case.scores) if use_case.scores else {}
    scores, computed = {}, {}
    refitted = {comparator.terms for comparator in use_case.comparators.values()}
    for name, used in use_case.scores.items():
        if name not in tables:
            stems = [path.stem for path in folder.glob("*.yaml")]
            raise source.fault(("scores", name), f"there is no such table in {folder}; {nearest(name, stems)}")
        _check_inputs(source, name, tables[name])
        _check_delivered(source, name, tables[name])
        computed |= _columns(tables[name], terms=name in refitted)
        scores[name] = used.model_dump() | {
            "label": tables[name].label,
            "column": f"{_stem(name)}_score",
            "terms": name in refitted,
            "table": tables[name].model_dump(mode="json"),
        }
    taken = sorted(set(computed) & {*use_case.variables, *use_case.derived})
    if taken:
        raise source.fault(("variables", taken[0]), "this name is that of a column of a score; rename it")
    return {"scores": scores, "computed": computed}


def _columns(score: Score, terms: bool) -> dict[str, dict]:
    shared = {"ordered": False, "known_at": "index", "score": score.name, "definition": _definition(score)}
    number = shared | {"type": "number", "unit": "1", "levels": []}
    stem = _stem(score.name)
    columns = {f"{stem}_score": number | {"label": score.label, "role": "score"}}
    if score.categories:
        levels = [category.label for category in score.categories]
        category = shared | {"type": "category", "unit": None, "levels": levels, "role": "score"}
        columns[f"{stem}_category"] = category | {"label": f"{score.label}, category"}
    for term in score.terms if terms else ():
        label = f"{score.label}: {term.replace('_', ' ')}"
        columns[f"{stem}_{term}"] = number | {"label": label, "role": "variable"}
    return columns


def _definition(score: Score) -> str:
    """What a reader must know of the score: its title, its sources, and what of its numbers was not read there."""
    said = {
        "verified": "",
        "recalled": "; numbers recalled, not read in a source",
        "partly_recalled": "; some numbers recalled",
    }
    words = f"{score.title}; {' '.join(score.sources)}{said.get(score.evidence, '')}"
    return f"{words}. {score.note}" if score.note else words


def _stem(name: str) -> str:
    return name.replace("-", "_")


def _check_inputs(source: Source, name: str, score: Score) -> None:
    use_case: UseCase = source.value
    if score.use_case != use_case.name:
        raise source.fault(("scores", name), f"it is a score of use case {score.use_case}; remove it")
    specs = {**use_case.variables, **use_case.derived}
    for part in score.inputs:
        if part not in specs:
            raise source.fault(
                ("scores", name), f"it reads '{part}', which is no variable here; {nearest(part, specs)}"
            )
        if specs[part].type not in INPUT_TYPES or known_at(use_case, part) != ("index", False):
            problem = f"it reads '{part}', but a score reads numbers, flags and categories known at the index date, and no score"
            raise source.fault(("scores", name), f"{problem}; mend the variable")


def _check_delivered(source: Source, name: str, score: Score) -> None:
    use_case: UseCase = source.value
    delivered = use_case.scores[name].delivered
    if delivered is None:
        return
    if delivered not in use_case.variables:
        problem = f"no such variable; {nearest(delivered, use_case.variables)}"
        raise source.fault(("scores", name, "delivered"), problem)
    if use_case.variables[delivered].role != "score":
        raise source.fault(("scores", name, "delivered"), f"'{delivered}' is no score; give the variable `role: score`")
    if use_case.variables[delivered].type == "category" and not score.categories:
        raise source.fault(
            ("scores", name, "delivered"), f"'{delivered}' is a category, but the score has none; remove it"
        )
