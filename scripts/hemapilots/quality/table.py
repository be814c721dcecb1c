"""A site's checks as a short text table, for a terminal."""

from hemapilots.quality.checks import CATEGORIES, tally

__all__ = ["check_lines"]

SHOWN = 20


def check_lines(rows: list[dict]) -> list[str]:
    """A line per category with its counts, then a line per failed check, the worst first."""
    lines = [f"{'category':14} {'passed':>7} {'failed':>7} {'not assessed':>13}"]
    for category in CATEGORIES:
        counts = tally([row for row in rows if row["category"] == category])
        lines.append(f"{category:14} {counts['passed']:7} {counts['failed']:7} {counts['not_assessed']:13}")
    failed = sorted((row for row in rows if row["pass"] is False), key=lambda row: -(row["percent"] or 0))
    if failed:
        lines += ["", f"{'failed check':34} {'checked':>8} {'failed':>8} {'per cent':>9} {'threshold':>10}"]
    for row in failed[:SHOWN]:
        limit = row["threshold"]
        limit = f"{limit:g}" if isinstance(limit, int | float) else "{:g}-{:g}".format(*limit)
        cells = (_text(row["n_checked"]), _text(row["n_failed"]), _text(row["percent"]), limit)
        lines.append("{:34} {:>8} {:>8} {:>9} {:>10}".format(row["id"], *cells))
    if len(failed) > SHOWN:
        lines.append(f"and {len(failed) - SHOWN} more; see checks.csv")
    return lines


def _text(value) -> str:
    return "" if value is None else f"{value:g}"
