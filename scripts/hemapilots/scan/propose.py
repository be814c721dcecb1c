"""What a draft says of a matched column: its unit, what its values mean, sentinels; each with where it was taken from."""

import re
from dataclasses import dataclass, field

import numpy as np

from hemapilots.config.mapping import INFER
from hemapilots.harmonize.reading.header_units import header_unit
from hemapilots.harmonize.reading.units import Factors, candidates, known
from hemapilots.scan.match import Match
from hemapilots.scan.profile import Profile
from hemapilots.scan.words import Words
from hemapilots.support import MINIMUM_SUPPORT
from hemapilots.texts import fold

__all__ = ["Proposal", "propose"]

_SENTINEL = re.compile(r"^-?(?:9{2,5}|8{3,5}|-?9|-?1)$|^-(?:1|9|99|999|9999)$")
_TAIL = 0.5
_WITHIN = 0.95


@dataclass
class Proposal:
    """Keys of the mapping's entry, and sentences for its comment; unmapped: raw value -> cells without a meaning."""

    keys: dict = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unmapped: dict[str, int | None] = field(default_factory=dict)


def propose(match: Match, spec: dict, factors: Factors, words: Words, language: str | None) -> Proposal:
    """The proposal for one matched column; spec: the use case's variable."""
    made = Proposal()
    profile = match.profile
    if spec["type"] == "number":
        _unit(made, match.variable, spec, profile, factors)
        _sentinels(made, spec, profile)
        made.unmapped |= profile.odd
    elif spec["type"] == "date":
        _dates(made, profile)
    elif spec["type"] in ("flag", "category"):
        _values(made, match.variable, spec, profile, words, language)
    return made


def _unit(made: Proposal, name: str, spec: dict, profile: Profile, factors: Factors) -> None:
    target = spec["unit"]
    stated = _stated(profile)
    for unit, where in stated:
        found = known(name, unit, target, factors)
        if found is not None:
            made.keys["unit"] = found.source
            made.notes.append(f"unit {where}" + (f" ({unit})" if unit != found.source else ""))
            return
    if target == "1":
        made.keys["unit"] = target
        return
    fitting = _fitting(name, spec, profile, factors)
    if len(fitting) == 1:
        made.keys["unit"] = fitting[0]
        made.notes.append(f"unit guessed from the values: {fitting[0]} is the only one that fits")
        return
    made.keys["unit"] = INFER
    odd = f'; "{stated[0][0]}" {stated[0][1]} has no conversion' if stated and stated[0][1] != "in the header" else ""
    several = f"; {' and '.join(fitting)} fit" if fitting else ""
    made.notes.append(f"no unit is stated{odd}{several}: better state it")


def _stated(profile: Profile) -> list[tuple[str, str]]:
    found = []
    if profile.column.units is not None:
        found.append((profile.beside, "beside the values"))
    if profile.unit:
        found.append((profile.unit, profile.unit_from))
    # What a code is called says how it may be measured, not how this source does.
    labels = () if profile.column.codes else profile.column.names
    found += [(unit, "in the header") for name in (profile.column.selector, *labels) for unit in header_unit(name)]
    return [(unit, where) for unit, where in found if unit]


def _fitting(name: str, spec: dict, profile: Profile, factors: Factors) -> list[str]:
    """Units in which nearly all values are possible and the middle one is usual."""
    values, sizes = profile.numbers if len(profile.numbers) else (np.array([]), np.array([]))
    if len(values) == 0 or not spec.get("hard") or not spec.get("soft"):
        return []
    found = []
    for conversion in candidates(name, spec["unit"], factors):
        converted = conversion.apply(values)
        inside = (converted >= spec["hard"][0]) & (converted <= spec["hard"][1])
        order = np.argsort(converted)
        middle = converted[order][np.searchsorted(np.cumsum(sizes[order]), _TAIL * sizes.sum())]
        if sizes[inside].sum() >= _WITHIN * sizes.sum() and spec["soft"][0] <= middle <= spec["soft"][1]:
            found.append(conversion.source)
    return found


def _sentinels(made: Proposal, spec: dict, profile: Profile) -> None:
    if not len(profile.numbers):
        return
    values, sizes = profile.numbers
    middle = np.median(np.repeat(values, np.minimum(sizes, 1000))) if len(values) else 0
    found = [
        value
        for value, size in zip(values, sizes, strict=True)
        if size >= MINIMUM_SUPPORT and _SENTINEL.match(f"{value:g}") and (value < 0 or value > 10 * max(abs(middle), 1))
    ]
    if found:
        made.keys["sentinels"] = [float(value) for value in sorted(found)]
        made.notes.append("repeated values that stand for missing")


def _dates(made: Proposal, profile: Profile) -> None:
    if profile.formats and not profile.ambiguous:
        made.keys["date_format"] = profile.formats[:4]
    elif profile.formats:
        made.notes.append("day and month cannot be told apart: state `date_format`, such as [DD/MM/YYYY]")
    elif profile.kind == "number":
        made.notes.append("numbers: days of a spreadsheet")


def _values(made: Proposal, name: str, spec: dict, profile: Profile, words: Words, language: str | None) -> None:
    """What each frequent raw value means. Rare ones are not shown: the vocabularies of the language read them."""
    shown = profile.values
    if spec["type"] == "flag" and set(shown) <= {"0", "1"}:
        return
    if spec["type"] == "flag" and spec.get("gene"):
        made.notes.append("cells are read as gene results (wt, mut, p.R882H); give `values` to overrule")
        return
    vocabulary = spec.get("vocabulary") or ("flag" if spec["type"] == "flag" else name)
    meanings: dict = {}
    for text, count in shown.items():
        meaning = _meaning(profile.column.meanings.get(text, text), spec, vocabulary, words, language)
        if meaning is None:
            made.unmapped[text] = count
        else:
            meanings[text] = meaning
    if spec["type"] == "category" and not meanings:
        meanings = {level: level for level in spec["levels"]}
        made.notes.append("no value could be understood: replace the left sides")
    if meanings:
        made.keys["values"] = meanings


def _meaning(text: str, spec: dict, vocabulary: str | None, words: Words, language: str | None):
    found = words.value(vocabulary, language, text)
    if spec["type"] == "flag":
        # `1:DECEASED` and `0:LIVING` carry their meaning in front.
        bare = re.match(r"^([01])(?:\.0)?(?::.*)?$", text)
        value = bare[1] if bare else found
        return int(value) if value in ("0", "1") else None
    # A vocabulary names a meaning in several ways (`M|male|man`); `?` is a text that means different things.
    levels = {fold(level): level for level in spec["levels"]}
    meanings = [levels[fold(name)] for name in (found or "").split("|") if fold(name) in levels]
    return meanings[0] if meanings else levels.get(fold(text))
