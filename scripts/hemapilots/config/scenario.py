"""Scenarios of a pilot: declared, seeded changes of its cohort or of how its sites behave; `scenarios` of config/pilots/<name>.yaml."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hemapilots.config.shapes import Name, Positive, Seed, Strict, Text, VariableName

SiteValue = int | float | str


class Skew(Strict):
    """How unlike the sites of a random split are: of each class of patients every site gets a part drawn from a Dirichlet distribution
    with the sites' shares times `concentration` times their number as parameters; the smaller it is, the more unlike they are.

    of: `quantity` (all patients are one class: sites differ in size), `time` (classes of event times), `censoring` (with the event and
    without), or `covariate` (classes of `variable`: its levels, or as many equal parts of a number as `classes`). Patients of whom
    this is unknown are dealt by the shares. minimum: patients of the smallest site; a draw that falls short is repeated.
    """

    of: Literal["quantity", "time", "censoring", "covariate"]
    concentration: Annotated[float, Field(gt=0, le=1000)] = 0.5
    variable: VariableName | None = None
    classes: Annotated[int, Field(ge=2, le=20)] = 5
    minimum: Positive = 20

    @model_validator(mode="after")
    def _one_variable(self):
        if (self.of == "covariate") != (self.variable is not None):
            raise ValueError("`of: covariate` names its `variable`, and nothing else does")
        return self


class Split(Strict):
    """Deals the rows of a public or synthetic cohort, as one table, to sites.

    by: the source's column that names each row's own site; `sites` then lists the values of each site, and the sites are natural
    ones. Without it the sites are invented, and `sites` gives each a share of the rows, dealt at random by `seed`, evenly or with
    a `skew`.
    """

    by: Text | None = None
    sites: Annotated[dict[Name, SiteValue | tuple[SiteValue, ...]], Field(min_length=2)]
    seed: Seed | None = None
    skew: Skew | None = None

    @model_validator(mode="after")
    def _one_kind(self):
        if self.by is None:
            self._check_shares()
        elif self.seed is not None or self.skew is not None:
            raise ValueError("rows that name their site are not dealt at random; remove `seed` or `by`, and a `skew`")
        else:
            values = [value for values in self.values().values() for value in values]
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                raise ValueError(f"the value {twice[0]!r} stands at two sites; leave it at one")
        return self

    def _check_shares(self) -> None:
        if self.seed is None:
            raise ValueError("give the `seed` of a random split, or `by`, the column that names each row's site")
        shares = list(self.sites.values())
        if any(isinstance(share, str | tuple) or not 0 < share <= 1 for share in shares):
            raise ValueError("the share of a site is a number above 0, up to 1; values of a column go with `by`")
        if abs(sum(shares) - 1) > 1e-9:
            raise ValueError(f"shares must add up to 1, not {sum(shares):g}")

    def values(self) -> dict[str, list[str]]:
        """The values of the column `by` at each site, as text."""
        return {
            site: [str(value) for value in (values if isinstance(values, tuple) else (values,))]
            for site, values in self.sites.items()
        }


class Fault(Strict):
    """What a site does wrong from `round` on, in a `share` of the rounds that `seed` draws.

    drop: it answers no more, for good; late: its answer comes after the round was closed; nan: its update is not finite; poison: its
    update, the change of the parameters that it was sent, is multiplied by `factor` (-1 turns it round).
    """

    kind: Literal["drop", "late", "nan", "poison"]
    round: Positive = 1
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    factor: float | None = None
    seed: Seed = 0

    @model_validator(mode="after")
    def _fitting(self):
        if (self.kind == "poison") != (self.factor is not None):
            raise ValueError("a `poison` has the `factor` of its update, such as 100 or -1, and no other fault does")
        if self.kind == "drop" and self.share != 1:
            raise ValueError("a site drops out for good; remove `share`, or let it be `late`")
        return self


class Scenario(Strict):
    """A variant of a pilot, results/<pilot>+<scenario>/.

    split: the rows of all sites are dealt anew. absent: by site, variables that it lacks. leave_out: a site that takes no part in
    training and is judged all the same. faults: by site. protocol, endpoints: instead of the pilot's.
    """

    title: Text
    protocol: Name | None = None
    endpoints: tuple[VariableName, ...] = ()
    split: Split | None = None
    absent: dict[Name, Annotated[tuple[VariableName, ...], Field(min_length=1)]] = {}
    leave_out: Name | None = None
    faults: dict[Name, Fault] = {}

    @model_validator(mode="after")
    def _says_something(self):
        if not (self.split or self.absent or self.leave_out or self.faults or self.protocol):
            raise ValueError(
                "a scenario changes something: give `split`, `absent`, `leave_out`, `faults` or a `protocol`"
            )
        if self.split and self.split.by:
            raise ValueError("natural sites are the pilot's own cohort; a scenario's `split` deals rows by shares")
        return self
