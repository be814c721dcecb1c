"""The items of the reporting checklists, from resources/reporting/."""

from functools import cache
from pathlib import Path

import yaml

__all__ = ["load_checklists"]

_LISTS = {
    "tripod_ai": ("TRIPOD+AI", "After Collins et al., BMJ 2024;385:e078378, with items on the federation."),
    "probast_ai": (
        "PROBAST+AI",
        "After Moons et al., BMJ 2025;388:e082505; the judgement of each domain is the readers’.",
    ),
}


@cache
def load_checklists(resources: Path) -> list[dict]:
    """Each checklist: name, title, source and items (see resources/reporting/README.md)."""
    return [
        {"name": name, "title": title, "source": source, "items": _items(resources / "reporting" / f"{name}.yaml")}
        for name, (title, source) in _LISTS.items()
    ]


def _items(path: Path) -> list[dict]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))
