"""Pages that people read: one report per pilot, and one page over all pilots. Central: released files only, never a site's folder."""

from hemapilots.report.index import render_index
from hemapilots.report.pages import render_report

__all__ = ["render_index", "render_report"]
