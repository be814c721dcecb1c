"""Every pilot with results on one page."""

import json
from pathlib import Path

from hemapilots.report.page_templates import render
from hemapilots.tables import write_text

__all__ = ["records_in", "render_index"]


def records_in(results: Path, wanted: list[str]) -> list[dict]:
    """The lines of the pilots asked for, in their order, then of those of earlier runs by name."""
    found = {path.parent.name: path for path in sorted(results.glob("*/summary.json"))}
    names = [name for name in wanted if name in found] + [name for name in found if name not in wanted]
    return [
        json.loads(found[name].read_text(encoding="utf-8")) | {"folder": name, "earlier": name not in wanted}
        for name in names
    ]


def render_index(results: Path, wanted: list[str], page: Path) -> None:
    """Write the page from results/<pilot>/summary.json."""
    write_text(page, render("index.html", pilots=records_in(results, wanted)))
