"""A site's ledger in short: how many messages of which type left at which stage, their size, and what the gate said."""

from pathlib import Path

import pandas as pd
import yaml

from hemapilots.config import nearest
from hemapilots.errors import HemaPilotsError
from hemapilots.tables import read_parquet

KEYS = ["stage", "message_type", "decision"]


def summarise(exchange: Path, site: str | None = None) -> str:
    """A text table per site of the last run, from its folder of ledgers; HemaPilotsError where there is none, or no such site."""
    protocol = exchange.parent / "protocol.yaml"
    sites = yaml.safe_load(protocol.read_text(encoding="utf-8"))["sites"] if protocol.is_file() else None
    known = {path.stem: path for path in sorted(exchange.glob("*.parquet")) if sites is None or path.stem in sites}
    if not known:
        raise HemaPilotsError(f"{exchange}: there is no ledger; check the pilot's name, or run the pilot first")
    if site is not None and site not in known:
        raise HemaPilotsError(f"{exchange}: there is no site '{site}'; {nearest(site, known)}")
    return "\n\n".join(_site(name, path) for name, path in known.items() if site in (None, name))


def totals(ledger: pd.DataFrame) -> pd.DataFrame:
    """Rows per stage, message type and decision, in the ledger's order: messages, values, bytes."""
    grouped = ledger.groupby(KEYS, sort=False, dropna=False)
    return grouped.agg(messages=("values", "size"), values=("values", "sum"), bytes=("bytes", "sum")).reset_index()


def _site(name: str, path: Path) -> str:
    ledger = read_parquet(path, [*KEYS, "values", "bytes"])
    table = totals(ledger)
    head = f"{name}: {len(ledger)} messages, {int(ledger['values'].sum())} values, {_size(int(ledger['bytes'].sum()))}"
    return f"{head}\n{table.to_string(index=False, justify='left')}" if len(table) else head


def _size(count: int) -> str:
    return f"{count / (1 << 20):.1f} MiB" if count >= 1 << 20 else f"{count / 1024:.1f} KiB"
