"""Which column could be which variable: by name, dictionary, gene symbol or code, and whether its content fits."""

from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from hemapilots.harmonize.reading.header_units import BRACKET
from hemapilots.scan.profile import Profile
from hemapilots.scan.words import LANGUAGES, Words
from hemapilots.texts import fold, joined

__all__ = ["Match", "language_of", "match"]

# Of the few names of variables, asked again for every column.
_joined = lru_cache(10_000)(joined)
LEAST = 0.6
# Units as they stand behind a header without brackets, folded.
_TAILS = {
    "gdl", "g dl", "g l", "gl", "mg dl", "mgdl", "mg l", "mgl", "ug l", "ng ml", "pg ml", "umol l", "mmol l", "u l", "ul",
    "10 9 l", "109l", "x10 9 l", "10 3 ul", "k ul", "g dl 1", "pct", "percent", "years", "months", "days", "jahre", "monate",
    "anni", "mesi", "anos", "meses", "ans", "mois", "jaar", "maanden", "nmol l", "fl", "cm s", "m s", "kg", "cm",
}  # fmt: skip
_FITTING = {
    "number": {"number", "flag"},
    "flag": {"flag", "category", "number", "text"},
    "category": {"category", "flag", "number", "text"},
    "date": {"date", "number", "identifier"},
    "karyotype": {"text", "category", "identifier"},
}


@dataclass
class Match:
    """A guess: score from 0 to 1, and why."""

    variable: str
    table: str
    profile: Profile
    score: float
    reason: str


def match(
    tables: dict[str, list[Profile]], use_case: dict, words: Words, language: str | None
) -> tuple[list[Match], dict]:
    """(the best guess of each variable, a column once, best first; variable -> runners-up).

    tables: alias -> profiles of its columns.
    """
    found = []
    for alias, profiles in tables.items():
        for profile in profiles:
            for name, spec in use_case["variables"].items():
                score, reason = _score(profile, name, spec, words, language)
                if score >= LEAST:
                    found.append(Match(name, alias, profile, round(score, 2), reason))
    order = {name: place for place, name in enumerate(use_case["variables"])}
    found.sort(key=lambda one: (-one.score, order[one.variable]))
    best: dict[str, Match] = {}
    others: dict[str, list[Match]] = {}
    used = set()
    for one in found:
        place = (one.table, one.profile.column.selector)
        if one.variable in best:
            others.setdefault(one.variable, []).append(one)
        elif place not in used:
            best[one.variable] = one
            used.add(place)
    others = {
        name: [one for one in rest if (one.table, one.profile.column.selector) not in used]
        for name, rest in others.items()
    }
    return list(best.values()), others


def _score(profile: Profile, name: str, spec: dict, words: Words, language: str | None) -> tuple[float, str]:
    if profile.kind == "empty" or (profile.kind == "identifier" and spec["type"] not in ("date", "karyotype")):
        return 0.0, ""
    score, reason = _by_name(profile, name, spec, words, language)
    if score and profile.kind not in _FITTING[spec["type"]]:
        return score * 0.6, f"{reason}; but its cells look like {profile.kind}"
    return score, reason


def _by_name(profile: Profile, name: str, spec: dict, words: Words, language: str | None) -> tuple[float, str]:
    column = profile.column
    codes = {str(code): system for system, code in (spec.get("codes") or {}).items() if system != "jrc"}
    same = next((code for code in column.codes if code in codes), None)
    if same and codes[same] != "hgnc":
        return 0.99, f"code {same} ({codes[same]})"
    best = (0.0, "")
    for text in (column.selector, *column.names):
        for header in _forms(text):
            best = max(best, _by_text(header, name, spec, words, language), key=lambda pair: pair[0])
    return best


@lru_cache(10_000)
def _forms(text: str) -> list[str]:
    """A header folded: as it is, without brackets, without a unit at its end, without `field.` or `___code`."""
    bare = BRACKET.sub(" ", text)
    forms = [fold(text), fold(bare), fold(text.split("___")[0])]
    tokens = fold(bare).split()
    for k in range(1, min(4, len(tokens))):
        if " ".join(tokens[-k:]) in _TAILS:
            forms.append(" ".join(tokens[:-k]))
    return list(dict.fromkeys(form for form in forms if form))


def _by_text(header: str, name: str, spec: dict, words: Words, language: str | None) -> tuple[float, str]:
    joined = header.replace(" ", "")
    if joined == _joined(name):
        return 1.0, "named as the variable"
    if joined == _joined(spec.get("label") or ""):
        return 0.98, "named as the variable's label"
    tongues = [tongue for variable, tongue in words.by_header.get(header, ()) if variable == name]
    if tongues:
        tongue = language if language in tongues else tongues[0]
        return 0.97, f"header of the dictionary ({LANGUAGES.get(tongue, tongue)})"
    gene = _by_symbol(joined, name, spec)
    if gene[0]:
        return gene
    return _nearly(header, name, words)


def _by_symbol(joined: str, name: str, spec: dict) -> tuple[float, str]:
    if not (spec.get("gene") or (spec.get("codes") or {}).get("hgnc")):
        return 0.0, ""
    from hemapilots.harmonize.genetics.genes import symbol

    approved = symbol(joined)
    wanted = spec.get("gene") or symbol(name)
    if approved and approved == wanted and spec.get("of_variants", "flag") == "flag":
        return 0.96, f"a symbol of gene {approved}"
    return 0.0, ""


def _nearly(header: str, name: str, words: Words) -> tuple[float, str]:
    """A header that holds a dictionary entry as whole words, or that is spelt nearly as one."""
    best = (0.0, "")
    for entry in words.by_variable.get(name, ()):
        if len(entry) < 2:
            continue
        if f" {entry} " in f" {header} " and entry != header:
            share = len(entry) / len(header)
            best = max(best, (round(0.6 + 0.3 * share, 2), f'holds "{entry}"'))
        elif len(entry) >= 5 and abs(len(entry) - len(header)) <= 3:
            spelt = SequenceMatcher(None, entry, header)
            # The bounds are cheap, and most pairs fail them.
            ratio = spelt.ratio() if spelt.real_quick_ratio() >= 0.85 and spelt.quick_ratio() >= 0.85 else 0.0
            if ratio >= 0.85:
                best = max(best, (round(0.9 * ratio, 2), f'spelt nearly as "{entry}"'))
    return best


def language_of(profiles: list[Profile], words: Words) -> str | None:
    """The language that knows most headers; English where another knows no more than it."""
    counts = dict.fromkeys(LANGUAGES, 0)
    for profile in profiles:
        tongues = set()
        for text in (profile.column.selector, *profile.column.names):
            for header in _forms(text):
                tongues |= {tongue for _, tongue in words.by_header.get(header, ())}
        for tongue in tongues:
            if tongue in counts:
                counts[tongue] += 1
    best = max(LANGUAGES, key=lambda tongue: (counts[tongue], tongue == "en"))
    return best if counts[best] else None
