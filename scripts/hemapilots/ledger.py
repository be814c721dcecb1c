"""A site's ledger in short: what left at which stage and of which kind, how large it was, and what the gate said."""

from pathlib import Path

import pandas as pd
import yaml

from hemapilots.config.shapes import nearest
from hemapilots.errors import HemaPilotsError
from hemapilots.tables import read_parquet

KEYS = ["stage", "message_type", "decision"]
# What the gate's decisions mean, in words.
DECISIONS = {
    "would refuse": "left here, because the gate only reports; a private pilot would have kept it, because too few patients stand behind "
    "it or it tells of single patients or of the site; the report says which",
    "refused": "was kept by the gate and did not leave",
}


def exchange_of(pilot: str, folder: Path) -> Path:
    """The folder of a pilot's ledgers. pilot: its name, or a path to its results; folder: that which holds results/.

    Raises HemaPilotsError where there is none.
    """
    results = folder / "results"
    for path in (results / pilot, Path(pilot), folder / pilot):
        if (path / "exchange").is_dir():
            return path / "exchange"
    known = sorted(path.parent.name for path in results.glob("*/exchange"))
    hint = f"{nearest(Path(pilot).name, known)}" if known else "run it first"
    raise HemaPilotsError(f"{results / Path(pilot).name}: there is no ledger of such a pilot; {hint}")


def summarise(exchange: Path, site: str | None = None, whole: bool = False) -> str:
    """A text per site of the last run, from its folder of ledgers; HemaPilotsError where there is none, or no such site.

    What left by stage and by kind of message, and what the gate said against; with `whole` a line per stage, kind and decision.
    """
    protocol = exchange.parent / "protocol.yaml"
    sites = yaml.safe_load(protocol.read_text(encoding="utf-8"))["sites"] if protocol.is_file() else None
    known = {path.stem: path for path in sorted(exchange.glob("*.parquet")) if sites is None or path.stem in sites}
    if not known:
        raise HemaPilotsError(f"{exchange}: there is no ledger; check the pilot's name, or run the pilot first")
    if site is not None and site not in known:
        raise HemaPilotsError(f"{exchange}: there is no site '{site}'; {nearest(site, known)}")
    return "\n\n".join(_site(name, path, whole) for name, path in known.items() if site in (None, name))


def totals(ledger: pd.DataFrame) -> pd.DataFrame:
    """Rows per stage, message type and decision, in the ledger's order: messages, values, bytes."""
    grouped = ledger.groupby(KEYS, sort=False, dropna=False)
    return grouped.agg(messages=("values", "size"), values=("values", "sum"), bytes=("bytes", "sum")).reset_index()


def _site(name: str, path: Path, whole: bool) -> str:
    table = totals(read_parquet(path, [*KEYS, "values", "bytes"]))
    lines = [f"{name}: {_sum(table)}"]
    if len(table) and whole:
        lines.append(table.to_string(index=False, justify="left"))
    elif len(table):
        # The stage of a federation names model and endpoint behind its regime.
        regime = table["stage"].str.partition(" ")[0]
        for key, title in ((regime, "by stage"), (table["message_type"], "by kind")):
            lines += [f"  {title}:", *(f"    {what:<26} {_sum(part)}" for what, part in table.groupby(key, sort=False))]
        for decision, meaning in DECISIONS.items():
            part = table[table["decision"] == decision]
            if len(part):
                kinds = ", ".join(part["message_type"].unique())
                lines.append(f"  {decision}: {_sum(part)} ({kinds}): {meaning}")
    return "\n".join(lines)


def _sum(table: pd.DataFrame) -> str:
    messages, values, size = (int(table[name].sum()) for name in ("messages", "values", "bytes"))
    return (
        f"{messages} message{'s' if messages != 1 else ''}, {values} number{'s' if values != 1 else ''}, {_size(size)}"
    )


def _size(count: int) -> str:
    return f"{count / (1 << 20):.1f} MiB" if count >= 1 << 20 else f"{count / 1024:.1f} KiB"
