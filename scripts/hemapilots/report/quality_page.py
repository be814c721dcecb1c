"""The data quality of one extract as an offline page, for a hospital that harmonizes without a pilot."""

from types import SimpleNamespace

from hemapilots.report import checks, cohort
from hemapilots.report.event_flow import event_flow
from hemapilots.report.page_templates import render

__all__ = ["quality_page"]


def quality_page(record: dict, name: str, use_case: dict) -> str:
    """HTML of a quality record (suppressed counts, `checks`) of the source `name`."""
    released = SimpleNamespace(quality={name: record}, source_flow=[])
    tables = checks.check_tables(released.quality)
    return render(
        "quality.html",
        source=name,
        use_case=use_case["title"],
        records=record["records"],
        minimum=record["minimum_cell"],
        flow=[row for row in cohort.flow_rows(released) if row["site"] == name],
        events=event_flow(released.quality, {key: spec["label"] for key, spec in use_case["endpoints"].items()}),
        quality=cohort.quality_rows(released),
        scores=cohort.score_rows(released.quality),
        checks=tables,
        failed=sum(len(site["failed"]) for site in tables["sites"]),
        judged=sum(site["judged"] for site in tables["sites"]),
    )
