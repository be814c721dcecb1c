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
# How a line's reason tells what went wrong with a message, by the fault of a scenario that does so.
FAULTS = {
    "drop": "dropped out",
    "late": "after the round was closed",
    "nan": "is not finite",
    "poison": "scenario: the update",
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
    ledger = read_parquet(path, [*KEYS, "round", "values", "bytes", "reason"])
    table = totals(ledger)
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
        lines += _faults(ledger)
    return "\n".join(lines)


def _faults(ledger: pd.DataFrame) -> list[str]:
    """A line per way in which messages went wrong: what happened, in which federations, from which round on."""
    lines = []
    for fault, sign in FAULTS.items():
        part = ledger[ledger["reason"].str.contains(sign, regex=False)]
        # What a scenario did is told behind what the gate says; of numbers that are not finite each array has words of its own.
        words = part["reason"].str.split("; ").str[0 if fault == "nan" else -1]
        for said, rows in part.groupby(words, sort=False):
            regimes = ", ".join(rows["stage"].str.partition(" ")[0].unique())
            messages = f"{len(rows)} message{'s' if len(rows) != 1 else ''}"
            first = rows.loc[rows["round"] > 0, "round"].min()
            when = "outside rounds" if pd.isna(first) else f"from round {first} on"
            lines.append(f"  went wrong: {messages} {when} ({regimes}): {said}")
    return lines


def _sum(table: pd.DataFrame) -> str:
    messages, values, size = (int(table[name].sum()) for name in ("messages", "values", "bytes"))
    return (
        f"{messages} message{'s' if messages != 1 else ''}, {values} number{'s' if values != 1 else ''}, {_size(size)}"
    )


def _size(count: int) -> str:
    return f"{count / (1 << 20):.1f} MiB" if count >= 1 << 20 else f"{count / 1024:.1f} KiB"
