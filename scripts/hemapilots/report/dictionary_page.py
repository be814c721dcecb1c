"""The data dictionary of a use case as an offline page."""

from hemapilots.dictionary.entries import SYSTEMS, codes_of
from hemapilots.report.page_templates import render
from hemapilots.report.words import unit_text

__all__ = ["dictionary_page"]

GROUPS = {
    "variable": "Variables",
    "score": "Delivered scores",
    "read": "Read to compute others, not kept",
    "derived": "Computed from others",
    "outcome": "Outcomes",
}
KNOWN = {"index": "at the index date", "landmark": "at the landmark", "outcome": "as outcome"}


def dictionary_page(use_case: dict, entries: list[dict], elements: dict[str, dict]) -> str:
    """HTML of the dictionary; entries and elements as `hemapilots.dictionary` gives them."""
    groups = [
        {"title": title, "rows": [_row(entry) for entry in entries if entry["kind"] == kind]}
        for kind, title in GROUPS.items()
    ]
    bound = {entry["jrc"]: entry["label"] for entry in entries if entry["jrc"]}
    return render(
        "dictionary.html",
        use_case=use_case,
        codes=[f"{SYSTEMS[key][0]} {code}" for key, code in (use_case.get("codes") or {}).items() if key in SYSTEMS],
        groups=[group for group in groups if group["rows"]],
        elements=[element | {"bound": bound.get(number, "")} for number, element in elements.items()],
        count_of=sum(entry["kind"] != "read" for entry in entries),
    )


def _row(entry: dict) -> dict:
    return {
        "name": entry["name"],
        "label": entry["label"],
        "definition": entry["definition"] or "",
        "computed": entry["computed_from"] or "",
        "type": entry["type"],
        "unit": unit_text(entry["unit"]),
        "possible": _range(entry["lowest_possible"], entry["highest_possible"]),
        "usual": _range(entry["lowest_usual"], entry["highest_usual"]),
        "levels": ", ".join(entry["levels"]),
        "known": KNOWN.get(entry["known_at"], ""),
        "codes": [f"{code['system']} {code['code']}" for code in codes_of(entry)],
    }


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    return f"from {low:g}" if high is None else f"{low:g} to {high:g}".replace("-", "−")
