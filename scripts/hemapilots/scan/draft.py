"""The mapping of a scanned extract as YAML: every guess `proposed`, best first, with its reason in a comment."""

import json
import re

from hemapilots.scan.match import Match
from hemapilots.scan.profile import Profile
from hemapilots.scan.propose import Proposal
from hemapilots.scan.tables import Table
from hemapilots.scan.words import LANGUAGES
from hemapilots.support import MINIMUM_SUPPORT
from hemapilots.texts import fold

__all__ = ["draft"]

# What no YAML may hold as it is, and what ends a line of it.
_UNSAFE = re.compile(r"[^\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]")
_PLAIN = re.compile(r"^[A-Za-z_][A-Za-z0-9_./ *-]*[A-Za-z0-9_*]$|^[A-Za-z]$")
_WORDS = {"yes", "no", "on", "off", "true", "false", "null", "y", "n", "none"}
LISTED = 60
_VARIANT_COLUMNS = {
    "gene": ("hugosymbol", "gene", "genesymbol", "symbol", "gen", "gene1"),
    "protein": ("hgvspshort", "hgvsp", "protein", "proteinchange", "aachange"),
    "coding": ("hgvsc", "cdna", "coding", "cdnachange"),
    "vaf": ("vaf", "tumorvaf", "allelefrequency", "allelfrequenz"),
}


def draft(
    name: str,
    reader: str,
    language: str | None,
    patient: str,
    tables: list[Table],
    guesses: list[tuple[Match, Proposal]],
    others: dict[str, list[Match]],
    profiles: dict[str, list[Profile]],
    use_case: dict,
) -> str:
    """YAML that config.Mapping loads. patient: the column that names patients; guesses: best first."""
    lines = [
        f"# Draft of a mapping to the use case {name}, made by `hemapilots scan`. Nothing in it is settled: look at each entry,",
        "# correct it, and write `status: approved`; a pilot does not run while an entry is `proposed`.",
        "# Before each entry: how sure the guess is (1 is surest) and why. "
        f"Values of fewer than {MINIMUM_SUPPORT} patients are not shown.",
        f"use_case: {name}",
        f"reader: {reader}",
    ]
    if language:
        lines.append(f"language: {language}  # {LANGUAGES[language]}, told from the headers")
    lines += [f"patient_id: {_scalar(patient)}", f"missing: [{', '.join(_missing(profiles))}]", "files:"]
    alias = _alias_of_each(tables)
    lines += [f"  {_file_line(table, patient)}" for table in tables if alias[table.alias] == table.alias]
    lines += _variants(tables)
    lines.append("variables:")
    patients = {(table.alias, table.patient or patient) for table in tables}
    for match, proposal in guesses:
        file = None if alias[match.table] == tables[0].alias else alias[match.table]
        lines += _entry(match, proposal, others.get(match.variable, []), file)
    return "\n".join([*lines, *_leftovers(guesses, patients, profiles, use_case)]) + "\n"


def variant_columns(table: Table) -> dict[str, str]:
    """The columns of a table with a row per variant: gene and what else a mapping can name; empty where it is none."""
    names = {fold(column.selector).replace(" ", ""): column.selector for column in table.columns}
    found = {
        key: next((names[name] for name in known if name in names), None) for key, known in _VARIANT_COLUMNS.items()
    }
    found = {key: name for key, name in found.items() if name}
    return found if "gene" in found and len(found) > 1 else {}


def _variants(tables: list[Table]) -> list[str]:
    found = [(table, variant_columns(table)) for table in tables]
    return [
        f"# A row per variant; to use it: variants: {_flow({'file': table.alias, **columns})}"
        for table, columns in found
        if columns
    ]


def _alias_of_each(tables: list[Table]) -> dict[str, str]:
    """Table -> the alias of its file; the tables of a database are one file."""
    first: dict[tuple, str] = {}
    return {table.alias: first.setdefault((table.path, table.form.get("sheet")), table.alias) for table in tables}


def _file_line(table: Table, patient: str) -> str:
    keys = {"path": table.path}
    if table.patient and table.patient != patient:
        keys["patient_id"] = table.patient
    keys |= {key: value for key, value in table.form.items() if value}
    if table.repeated and table.patient != "":
        keys["repeated"] = True
    return f"{table.alias}: {_flow(keys)}" + "".join(f"  # {remark}" for remark in table.remarks)


def _missing(profiles: dict[str, list[Profile]]) -> list[str]:
    words = {text for found in profiles.values() for profile in found for text in profile.absent}
    return [_scalar(word) for word in sorted({"", *words})]


def _entry(match: Match, proposal: Proposal, others: list[Match], file: str | None) -> list[str]:
    profile = match.profile
    keys = {"column": profile.column.selector}
    if file is not None:
        keys["file"] = file
    keys |= proposal.keys | {"status": "proposed"}
    said = [match.reason, profile.kind, _missing_text(profile), *proposal.notes]
    if len(profile.column.names) and profile.column.names[0] != profile.column.selector:
        said.insert(1, f'called "{profile.column.names[0]}"')
    lines = [f"  # {match.score:.2f}: {_comment('; '.join(filter(None, said)))}"]
    lines += [
        f'  #   or "{_comment(other.profile.column.selector)}" ({other.score:.2f}: {_comment(other.reason)})'
        for other in others[:3]
    ]
    lines.append(f"  {match.variable}: {_flow(keys)}")
    if proposal.unmapped:
        cells = ", ".join(
            f"{_scalar(text)}: {'not shown' if count is None else count}" for text, count in proposal.unmapped.items()
        )
        lines.append(f"  #   not mapped: {_comment(cells)}")
    return lines


def _missing_text(profile: Profile) -> str:
    share = profile.percent_missing
    return "few missing or few known" if share is None else f"{share:g} % missing"


def _leftovers(guesses: list, patients: set, profiles: dict[str, list[Profile]], use_case: dict) -> list[str]:
    """patients: table and column of what names patients, which is read as well."""
    mapped = {(match.table, match.profile.column.selector) for match, _ in guesses} | patients
    columns = [
        _comment(profile.column.selector)
        for alias, found in profiles.items()
        for profile in found
        if (alias, profile.column.selector) not in mapped
    ]
    named = {match.variable for match, _ in guesses}
    variables = [name for name in use_case["variables"] if name not in named]
    lines = []
    for title, names in (
        ("Columns that no entry names; they are never read", columns),
        ("Variables without a column", variables),
    ):
        if names:
            more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
            lines.append(f"# {title}: {', '.join(names[:LISTED])}{more}")
    return lines


def _flow(value) -> str:
    """A value as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(entry) for entry in value) + "]"
    return _scalar(value)


def _scalar(value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:g}"
    text = str(value)
    if _PLAIN.match(text) and text.casefold() not in _WORDS:
        return text
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def _comment(text: str) -> str:
    return _UNSAFE.sub(" ", text)
