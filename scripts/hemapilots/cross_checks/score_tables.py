"""Reads score tables and checks that every expression parses and reads what the score declares."""

from pathlib import Path

from hemapilots.config.score import Score
from hemapilots.cross_checks.source import Source, check_expression, check_known
from hemapilots.expressions import parse

__all__ = ["load_scores"]


def load_scores(folder: str | Path, names=None) -> dict[str, Score]:
    """The scores of a folder by name; only those of `names` where given. Raises HemaPilotsError naming file, line and field."""
    paths = sorted(path for path in Path(folder).glob("*.yaml") if names is None or path.stem in names)
    sources = [Source(path, Score) for path in paths]
    return {source.value.name: _checked(source) for source in sources}


def _checked(source: Source) -> Score:
    score: Score = source.value
    if source.path.stem != score.name:
        raise source.fault(("name",), f"the file is called {source.path.name}; give both the same name")
    known = dict.fromkeys(score.inputs)
    read = set()
    for location, text in _expressions(score):
        check_expression(source, location, text, known)
        read |= set(parse(text).names)
        if location[0] in ("percentiles", "derived", "points"):
            known[location[1]] = None
    for name in score.inputs:
        check_known(source, ("inputs",), name, read)
    return score


def _expressions(score: Score) -> list[tuple[tuple, str]]:
    """(location, text) in the order of evaluation."""
    found = [(("applies", at, "when"), rule.when) for at, rule in enumerate(score.applies)]
    found += [(("percentiles", name, "of"), cut.of) for name, cut in score.percentiles.items()]
    found += [(("derived", name), text) for name, text in score.derived.items()]
    for name, rows in score.points.items():
        found += [(("points", name, at, "when"), row.when) for at, row in enumerate(rows) if row.when is not None]
    if score.score is not None:
        found.append((("score",), score.score))
    for name, term in (score.linear.terms if score.linear else {}).items():
        texts = {key: getattr(term, key) for key in ("value", "expected", "best", "worst")}
        found += [(("linear", "terms", name, key), text) for key, text in texts.items() if isinstance(text, str)]
    return found
