"""The look of figures: colours by regime, sizes that a phone can show, and SVG files with the same bytes on every run."""

import io
import re

import matplotlib

matplotlib.use("Agg")

from matplotlib.figure import Figure

__all__ = ["GREY", "INK", "colour_of", "new_figure", "site_style", "svg_of"]

# Okabe and Ito's palette, which colour-blind readers can tell apart; markers differ as well.
INK, GREY, LIGHT = "#1d2733", "#667080", "#d5dae1"
_REGIMES = {
    "federated": ("#0072B2", "o"),
    "pooled": ("#1d2733", "s"),
    "local/own": ("#D55E00", "D"),
    "local": ("#E69F00", "v"),
    "score": ("#007F5F", "^"),
}
_SITES = ["#0072B2", "#D55E00", "#007F5F", "#CC79A7", "#E69F00", "#56B4E9", "#5B4B8A", "#8C6D1F"]
_DASHES = ["-", "--", "-.", ":"]
_SETTINGS = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Helvetica", "Arial", "sans-serif"],
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",
    "axes.unicode_minus": True,
}
matplotlib.rcParams.update(_SETTINGS)


def colour_of(regime: str) -> tuple[str, str]:
    """(colour, marker) of a regime."""
    regime = regime.partition("+")[0]
    return _REGIMES.get(regime) or _REGIMES[regime.partition("/")[0]]


def site_style(place: int) -> dict:
    """Colour and dashes of the site at this place in the list of sites."""
    return {"color": _SITES[place % len(_SITES)], "linestyle": _DASHES[place % len(_DASHES)]}


def new_figure(width: float, height: float) -> Figure:
    """A figure in inches; apart from pyplot's global state."""
    return Figure(figsize=(width, height))


def svg_of(figure: Figure, name: str, title: str) -> str:
    """The figure as an <svg> element that scales down with the page; `name` keeps its ids apart from other figures'."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.S)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    # Clip paths and markers are named by their shape alone: two figures on one page may share a name but not a shape.
    for old in sorted(set(re.findall(r'id="([^"]+)"', text)), key=len, reverse=True):
        text = (
            text.replace(f'id="{old}"', f'id="{name}-{old}"')
            .replace(f"#{old})", f"#{name}-{old})")
            .replace(f'"#{old}"', f'"#{name}-{old}"')
        )
    width = re.search(r'<svg[^>]*? width="([\d.]+)pt"', text, re.S).group(1)
    head, rest = text.split(">", 1)
    head = re.sub(r' (width|height)="[\d.]+pt"', "", head)
    style = (
        f'style="width:100%;max-width:{float(width) * 1.5:.0f}px;height:auto" role="img" aria-label="{_escaped(title)}"'
    )
    return f"{head} {style}>{rest}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
