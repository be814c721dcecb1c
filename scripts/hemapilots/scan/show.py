"""The profile of an extract as a text table for a terminal."""

from collections.abc import Set

from hemapilots.scan.profile import Profile
from hemapilots.scan.tables import Table
from hemapilots.scan.words import LANGUAGES
from hemapilots.support import MINIMUM_SUPPORT

__all__ = ["show"]

WIDTH = 34


def show(
    tables: list[Table],
    profiles: dict[str, list[Profile]],
    language: str | None,
    reader: str,
    matched: Set[tuple[str, str]] = frozenset(),
) -> str:
    """A block per table: its form, then a line per column. matched: (table, column) that could be a variable.

    Values of other columns are shown only where they are known words, or few and each of enough patients.
    """
    tongue = f", headers in {LANGUAGES[language]}" if language else ""
    lines = [f"reader {reader}{tongue}; values of fewer than {MINIMUM_SUPPORT} patients are not shown"]
    for table in tables:
        if table.lookup:
            lines += ["", f"{table.path} ({table.alias}): {'; '.join(table.remarks)}"]
            continue
        form = ", ".join(f"{key} {_visible(value)}" for key, value in table.form.items() if value)
        rows = "several rows a patient" if table.repeated else "one row a patient"
        if table.patient is None:
            beside = table is not tables[0]
            rows = (
                "no column names its patients, so nothing is counted"
                if beside
                else "no column names patients, so rows are counted"
            )
        lines += ["", f"{table.path} ({table.alias}): {table.rows} rows, {rows}{', ' + form if form else ''}"]
        lines.append(f"  {'column':{WIDTH}} {'type':10} {'missing':>8} {'distinct':>8}  what is in it")
        for profile in profiles[table.alias]:
            lines.append(_line(profile, profile.harmless or (table.alias, profile.column.selector) in matched))
        lines += [f"  {remark}" for remark in table.remarks]
    return "\n".join(lines)


def _visible(value) -> str:
    return {"\t": "tab", " ": "space"}.get(value, str(value))


def _line(profile: Profile, open_: bool) -> str:
    name = profile.column.selector
    name = name if len(name) <= WIDTH else name[: WIDTH - 1] + "…"
    missing = "few" if profile.percent_missing is None else f"{profile.percent_missing:g} %"
    return f"  {_visible_name(name):{WIDTH}} {profile.kind:10} {missing:>8} {profile.distinct:>8}  {_content(profile, open_)}".rstrip()


def _visible_name(name: str) -> str:
    return "".join(mark if mark.isprintable() else " " for mark in name)


def _content(profile: Profile, open_: bool) -> str:
    parts = []
    if profile.kind == "identifier":
        return "tells patients apart: not shown"
    if profile.kind == "text":
        return "free text: not shown"
    if profile.quantiles:
        marks = sorted(profile.quantiles)
        words = {0.05: "5 %", 0.25: "25 %", 0.5: "median", 0.75: "75 %", 0.95: "95 %"}
        parts.append(", ".join(f"{words[mark]} {profile.quantiles[mark]:g}" for mark in marks))
    if profile.decimal == ",":
        parts.append("decimal comma")
    if profile.formats:
        parts.append(
            " or ".join(profile.formats) + (" (day and month cannot be told apart)" if profile.ambiguous else "")
        )
    if profile.unit:
        parts.append(f"unit {profile.unit} {profile.unit_from}")
    elif profile.column.units is not None:
        parts.append("units beside the values")
    shown = [_visible_name(text) + ("" if count is None else f" {count}") for text, count in profile.values.items()]
    if shown and not open_:
        parts.append("values not shown: no variable is told from them")
    elif shown:
        parts.append(", ".join(shown) + (", others not shown" if profile.rarer else ""))
    elif profile.rarer:
        parts.append("values not shown: few cells each")
    if profile.odd and open_:
        parts.append(
            "not numbers: " + ", ".join(f"{_visible_name(text)} {count}" for text, count in profile.odd.items())
        )
    return "; ".join(parts)
