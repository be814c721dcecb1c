"""A drawn figure with the table it was drawn from, and the forest that most figures of a report are."""

import textwrap
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemapilots.report.style import GREY, INK, LIGHT, new_figure, svg_of

__all__ = ["Drawn", "forest"]

WIDTH, ROW = 4.6, 0.235
# Where the plot lies between labels and written values, as shares of the width.
LEFT, RIGHT = 0.365, 0.655

# Characters of a label that one line takes.
LONG = 25


@dataclass(frozen=True)
class Drawn:
    """name: of its files; title: what it shows; svg: the element; table: what it was drawn from."""

    name: str
    title: str
    svg: str
    table: pd.DataFrame


def forest(
    rows: list[dict],
    name: str,
    title: str,
    axis: str,
    reference: float | None = None,
    margin: float | None = None,
    heading: str = "",
) -> Drawn:
    """Estimates with intervals, one below the other.

    rows: dicts with label; heading True for a row without figures; estimate, lower, upper; text, what is written at the right; colour,
    marker; bold; second (estimate, lower, upper), drawn hollow below the first. reference: a vertical line; margin: a dashed one.
    """
    height = ROW * (len(rows) + 0.4) + 0.62
    figure = new_figure(WIDTH, height)
    axes = figure.add_axes([LEFT, 0.5 / height, RIGHT - LEFT, ROW * (len(rows) + 0.4) / height])
    for value, dashes in ((reference, "-"), (margin, (0, (4, 3)))):
        if value is not None:
            axes.axvline(value, color=GREY, linewidth=0.8, linestyle=dashes, zorder=0)
    for place, row in enumerate(rows):
        _row(figure, axes, row, -place)
    axes.set(ylim=(-len(rows) + 0.3, 0.7), xlabel=axis)
    axes.xaxis.label.set_size(8.5)
    axes.tick_params(axis="x", labelsize=8)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=LIGHT, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.locator_params(axis="x", nbins=3, steps=[1, 2, 5, 10])
    figure.text(0.995, 1 - 0.07 / height, heading, fontsize=8, color=GREY, ha="right", va="center")
    return Drawn(name, title, svg_of(figure, name, title), _table(rows))


def _row(figure, axes, row: dict, y: float) -> None:
    across = axes.get_yaxis_transform()
    shift = 0.0
    weight = "bold" if row.get("bold") or row.get("heading") else "normal"
    x = (0.008 - axes.get_position().x0) / axes.get_position().width
    label, size = row["label"], 8.5
    if len(label) > LONG and not row.get("heading"):
        label, size = "\n".join(textwrap.wrap(label, LONG, max_lines=2, placeholder=" …")), 7
    inset = 0 if row.get("heading") else 0.04
    axes.text(
        x + inset,
        y,
        label,
        transform=across,
        fontsize=size,
        fontweight=weight,
        va="center",
        linespacing=0.95,
        clip_on=False,
    )
    if row.get("heading"):
        return
    end = (0.995 - axes.get_position().x0) / axes.get_position().width
    axes.text(
        end, y, row["text"], transform=across, fontsize=8, ha="right", va="center", fontweight=weight, clip_on=False
    )
    colour = row.get("colour", INK)
    if row.get("second") is not None and _finite(row["second"][0]):
        shift = 0.17
        estimate, lower, upper = row["second"]
        axes.plot([lower, upper], [y - shift] * 2, color=colour, linewidth=0.9, alpha=0.75)
        axes.plot(estimate, y - shift, row.get("marker", "o"), color="white", markeredgecolor=colour, markersize=4)
    if _finite(row["estimate"]):
        axes.plot([row["lower"], row["upper"]], [y + shift] * 2, color=colour, linewidth=1.5)
        axes.plot(row["estimate"], y + shift, row.get("marker", "o"), color=colour, markersize=5)


def _finite(value) -> bool:
    return value is not None and np.isfinite(value)


def _table(rows: list[dict]) -> pd.DataFrame:
    group, records = "", []
    for row in rows:
        if row.get("heading"):
            group = row["label"]
            continue
        record = {"group": group, "label": row["label"]} | {key: row[key] for key in ("estimate", "lower", "upper")}
        if row.get("second") is not None:
            record |= dict(zip(("second_estimate", "second_lower", "second_upper"), row["second"], strict=True))
        records.append(record)
    return pd.DataFrame(records)
