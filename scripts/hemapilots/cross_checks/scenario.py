"""Scenarios of a pilot: the sites, variables and strategies that they name exist, and what they ask for makes sense."""

from hemapilots.config.scenario import Scenario
from hemapilots.config.shapes import nearest
from hemapilots.cross_checks.combinations import AVERAGING, PERSONAL
from hemapilots.cross_checks.predictors import check_kept
from hemapilots.cross_checks.source import Source, check_known

__all__ = ["check_poison", "check_scenario", "scenario_of"]


def scenario_of(pilot: Source, name: str) -> Scenario:
    """The scenario of that name; of names joined by + all of them together, which must not change the same thing twice."""
    known = pilot.value.scenarios
    parts, changed = name.split("+"), {}
    for part in parts:
        if part not in known:
            hint = nearest(part, known) if known else "the pilot has none; add it under `scenarios`"
            raise pilot.fault(("scenarios",), f"no scenario '{part}'; {hint}")
        mine = {key: getattr(known[part], key) for key in known[part].model_fields_set - {"title"}}
        if twice := sorted(mine.keys() & changed.keys()):
            raise pilot.fault(("scenarios", part, twice[0]), f"'{name}' changes it twice; choose one of the scenarios")
        changed |= mine
    return Scenario(title="; ".join(known[part].title for part in parts), **changed)


def check_scenario(pilot: Source, scenario: Scenario, name: str, use_case: Source, sites: list[str]) -> None:
    """Sites are those of the scenario, variables are kept and are no outcomes, and two sites are left to train."""
    place = ("scenarios", *name.split("+")[:1])
    named = {"absent": scenario.absent, "faults": scenario.faults}
    named |= {"leave_out": [scenario.leave_out] if scenario.leave_out else []}
    for part, of in named.items():
        for site in of:
            if site not in sites:
                raise pilot.fault((*place, part, site), f"no such site in this scenario; {nearest(site, sites)}")
    if scenario.leave_out and len(sites) < 3:
        raise pilot.fault(
            (*place, "leave_out"), "one site is left, which is no federation; take a pilot of three sites"
        )
    skew = scenario.split.skew if scenario.split else None
    variables = {variable: ("split", "skew") for variable in [skew.variable] if variable} if skew else {}
    variables |= {variable: ("absent", site) for site, absent in scenario.absent.items() for variable in absent}
    for variable, where in variables.items():
        check_known(pilot, (*place, *where), variable, use_case.value.variables)
        check_kept(use_case, ("variables", variable), variable)
        if use_case.value.variables[variable].known_at == "outcome":
            raise pilot.fault((*place, *where), f"'{variable}' is an outcome; name what is known at the index date")


def check_poison(pilot: Source, scenario: Scenario, name: str, models: dict) -> None:
    """A false update is a question to averages only: nothing that sums statistics of all sites has an answer to it."""
    poisoned = [site for site, fault in scenario.faults.items() if fault.kind == "poison"]
    for model, spec in models.items():
        others = [strategy for strategy in spec["strategies"] if strategy not in (*AVERAGING, PERSONAL)]
        if poisoned and others and not spec["comparator"]:
            raise pilot.fault(
                ("scenarios", *name.split("+")[:1], "faults", poisoned[0]),
                f"{others[0]} of model {model} rests on every site's word and has no defence against a false update; give the "
                "scenario a `protocol` of averages only, such as fedavg, fedmedian, fedtrimmedavg and krum",
            )
