"""Which endpoints of a use case a pilot studies, what predicts them, and which comparator is the bar."""

from hemapilots.config.shapes import nearest
from hemapilots.cross_checks.source import Source

__all__ = ["choose_endpoints", "restricted", "with_bar"]


def choose_endpoints(pilot: Source, use_case: dict) -> tuple[list[str], str]:
    """(endpoints of the pilot in the order of the use case, the primary one). use_case: resolved."""
    known = use_case["endpoints"]
    for at, name in enumerate(pilot.value.endpoints):
        if name not in known:
            raise pilot.fault(("endpoints", at), f"no such endpoint; {nearest(name, known)}")
    baseline = [name for name, spec in known.items() if spec["landmark"] is None]
    chosen = [name for name in known if name in (pilot.value.endpoints or baseline)]
    primary = pilot.value.primary_endpoint or use_case["primary_endpoint"]
    if primary not in chosen:
        field = ("primary_endpoint",) if pilot.value.primary_endpoint else ("endpoints",)
        raise pilot.fault(
            field, f"the primary endpoint '{primary}' is not studied; add it, or name another primary one"
        )
    return chosen, primary


def with_bar(pilot: Source, use_case: dict) -> dict:
    """The use case with the pilot's own bar, if it names one. use_case: resolved."""
    bar = pilot.value.bar
    if bar is None:
        return use_case
    if bar not in use_case["comparators"]:
        raise pilot.fault(("bar",), f"no such comparator; {nearest(bar, use_case['comparators'])}")
    marked = {name: comparator | {"bar": name == bar} for name, comparator in use_case["comparators"].items()}
    return use_case | {"comparators": marked}


def restricted(use_case: dict, endpoints: list[str], primary: str) -> dict:
    """The use case with these endpoints only, and what rests on them: decisions, recurrent events, comparators that predict any."""
    kept = {name: dict(use_case["endpoints"][name]) for name in endpoints}
    for spec in kept.values():
        spec["not_after"] = spec["not_after"] if spec["not_after"] in kept else None
    comparators = {}
    for name, comparator in use_case["comparators"].items():
        predicted = [endpoint for endpoint in comparator["endpoints"] if endpoint in kept]
        if predicted:
            comparators[name] = comparator | {"endpoints": predicted}
    decisions = [decision for decision in use_case["decisions"] if decision["endpoint"] in kept]
    recurrent = {name: spec for name, spec in use_case["recurrent"].items() if spec["terminal"] in kept}
    changed = {"endpoints": kept, "primary_endpoint": primary, "comparators": comparators, "decisions": decisions}
    return use_case | changed | {"recurrent": recurrent}
