"""How censoring might have been judged otherwise, to see what the primary figures rest on."""

from hemapilots.config.shapes import Name, Strict, Text, VariableName

__all__ = ["Sensitivity", "Treatment"]


class Treatment(Strict):
    """A treatment after the index date that may end follow-up. time: a number, years from the index date until it, unknown of those who
    never had it; done: a flag, 1 also of those who had it at an unknown time."""

    label: Text
    time: VariableName
    done: VariableName | None = None


class Sensitivity(Strict):
    """covariates: on which censoring may depend, those of the comparator marked `bar` unless given. treatments: each of them is judged as
    a competing event and as a censoring."""

    covariates: tuple[str, ...] | None = None
    treatments: dict[Name, Treatment] = {}
