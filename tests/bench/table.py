"""What every benchmark returns, and how it is timed and written: rows of a table, CSV and one offline page."""

import csv
import html
import os
import platform
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("numpy", "scipy", "pandas", "flwr", "lifelines", "scikit-survival", "snakemake", "ray")


class Disagreement(Exception):
    """Two implementations gave different results, so their times are not compared."""


@dataclass(frozen=True)
class Row:
    """One measured target. Seconds and ratio (peer / ours) are None where not measured; met is `yes`, `no` or empty (no goal)."""

    target: str
    ours_seconds: float | None
    peer: str = ""
    peer_seconds: float | None = None
    ratio: float | None = None
    goal: str = ""
    met: str = ""
    agreement: str = ""
    note: str = ""


def best_of(k: int, run: Callable[[], object]) -> tuple[float, object]:
    """The shortest of k wall times in seconds, and the last result."""
    times = []
    for _ in range(k):
        start = time.perf_counter()
        result = run()
        times.append(time.perf_counter() - start)
    return min(times), result


def agree(name: str, difference: float, tolerance: float) -> str:
    """The difference in words; raises Disagreement where it exceeds the tolerance or is not a number."""
    if not difference <= tolerance:
        raise Disagreement(
            f"{name}: results differ by {difference:.3g}, more than {tolerance:g}; no times are compared"
        )
    return f"{difference:.1e} (limit {tolerance:g})"


def yes_no(met: bool) -> str:
    """`yes` or `no`."""
    return "yes" if met else "no"


def write_csv(path: Path, rows: list[Row]) -> None:
    """One benchmark's rows as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(headings())
        writer.writerows([shown(value) for value in astuple(row)] for row in rows)


def write_page(path: Path, titles: dict[str, str]) -> None:
    """The CSV tables beside the page, by name and title, on one plain page without anything from outside."""
    parts = [
        table_of(title, table) for name, title in titles.items() if (table := path.parent / f"{name}.csv").exists()
    ]
    facts = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(fact)}</td></tr>" for name, fact in machine().items()
    )
    style = (
        "body{font:15px/1.4 sans-serif;margin:1rem}div{overflow-x:auto}table{border-collapse:collapse;margin-bottom:1.5rem}"
        "th,td{border:1px solid #bbb;padding:.25rem .5rem;text-align:left;vertical-align:top}"
        ".no{background:#fbd5d5}.yes{background:#d8f0d8}"
    )
    path.write_text(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Benchmarks</title><style>{style}</style></head><body><h1>Benchmarks</h1>"
        "<p>Wall seconds, best of several runs where not said otherwise, one thread for linear algebra. "
        "Results were compared before times; peers ran on the same data in the same run. "
        "Ratio is peer / ours. Goals are judged at their full size only.</p>"
        f"{''.join(parts)}<h2>Machine</h2><table>{facts}</table></body></html>\n",
        encoding="utf-8",
    )


def table_of(title: str, path: Path) -> str:
    """One benchmark's CSV as an HTML table."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    head = "".join(f"<th>{html.escape(name.replace('_', ' '))}</th>" for name in headings())
    body = "".join(
        f'<tr class="{row["met"]}">' + "".join(f"<td>{html.escape(row[name])}</td>" for name in headings()) + "</tr>"
        for row in rows
    )
    return f"<h2>{html.escape(title)}</h2><div><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def headings() -> list[str]:
    """The columns of the table."""
    return [field.name for field in fields(Row)]


def shown(value: str | float | None) -> str:
    """A cell's text: three significant digits, nothing where nothing was measured."""
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


def machine() -> dict[str, str]:
    """What the times depend on."""
    return {"processor": processor(), "system": platform.platform(), "python": platform.python_version()} | {
        name: found for name in LIBRARIES if (found := installed(name))
    }


def processor() -> str:
    """The processor's name and how many of them are usable."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")] or [platform.machine()]
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{names[0]}, {usable} usable"


def installed(name: str) -> str:
    """A library's version, or nothing."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
