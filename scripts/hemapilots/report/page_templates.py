"""The templates of all pages: every value is escaped, a name that is missing raises."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hemapilots.report.words import count, number

__all__ = ["render"]

FOLDER = Path(__file__).parent / "templates"


def render(name: str, **context) -> str:
    """The page of a template; `style` is the style sheet, inlined."""
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"count": count, "number": number}
    return made.get_template(name).render(style=Markup((FOLDER / "style.css").read_text(encoding="utf-8")), **context)
