"""The one exit of a site: gate, wire check, ledger. Messages and files alike leave through `Exit.release` or not at all."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.federation.message_types import MAXIMUM_BYTES, MESSAGE_TYPES, TEXT, MessageType
from hemapilots.support import MINIMUM_SUPPORT
from hemapilots.tables import read_parquet, write_csv, write_json, write_parquet

LEDGER_COLUMNS = [
    "when",
    "stage",
    "round",
    "message_type",
    "fields",
    "values",
    "bytes",
    "decision",
    "reason",
    "privacy_spent",
]


class Refusal(HemaPilotsError):
    """The gate's no: rule and field."""


class NotFinite(Refusal):
    """A value that is no number: the answer is of no use, and the federation may go on without it."""


@dataclass(frozen=True)
class Support:
    """What stands behind a message's values: the smallest number of patients and events in any training set that it covers,
    and per column the smallest number of carriers or non-carriers (0/1 columns) or of observed values (others)."""

    patients: int
    events: int
    columns: dict[str, int] = field(default_factory=dict)

    def weakness(self, minimum: int) -> str | None:
        """The first value that falls short, in words, or None."""
        if self.patients < minimum:
            return f"patients: fewer than {minimum} stand behind a value"
        if self.events < minimum:
            return f"events: fewer than {minimum} stand behind a value"
        short = [name for name, count in self.columns.items() if count < minimum]
        return (
            f"columns {', '.join(short)}: fewer than {minimum} carriers, non-carriers or observed values"
            if short
            else None
        )


@dataclass
class Exit:
    """One site's exit in one stage.

    gate: of the support rule and of types that show single patients: `enforce` refuses, `report` records what it would
    refuse, `off` asks nothing. The form of a message is checked under each of them. A quality record leaves through
    `quality.exit.QualityExit` only, which knows what such a record may name.
    """

    site: str
    stage: str
    gate: str
    support: Support | None = None
    entries: list[dict] = field(default_factory=list)
    _remark: str = ""

    def release(self, message_type: str, payload: dict, round_: int = 0, sizes: dict[str, int] | None = None) -> dict:
        """The payload, if it may leave: field name to array, or to text for a file. Raises Refusal with rule and field.

        Order: plaintext gate, wire check (type, fields, dtype, shape, size; then finite values; of a quality record all it holds), ledger.
        sizes: what is known of the dimensions.
        """
        kind = MESSAGE_TYPES.get(message_type)
        if kind is None:
            raise self._refusal(message_type, payload, round_, "no such message type")
        reason = None if self.gate == "off" else self._objection(kind)
        if reason and self.gate == "enforce":
            raise self._refusal(message_type, payload, round_, reason)
        fault = _wire_fault(kind, payload, sizes or {}) or self._record_fault(kind, payload)
        if fault:
            raise self._refusal(message_type, payload, round_, fault)
        broken = _not_finite(kind, payload)
        if broken:
            raise self._refusal(message_type, payload, round_, broken, NotFinite)
        self._write(message_type, payload, round_, "would refuse" if reason else "released", reason)
        return payload

    def release_json(self, message_type: str, record: dict, path: str | Path) -> None:
        """Release a record as a JSON file."""
        self.release(message_type, {message_type: json.dumps(record)})
        write_json(path, record)

    def release_csv(self, message_type: str, table: pd.DataFrame, path: str | Path) -> None:
        """Release a table as a CSV file."""
        self.release(message_type, {message_type: table.to_csv(index=False)})
        write_csv(path, table)

    def release_parquet(self, message_type: str, table: pd.DataFrame, path: str | Path) -> None:
        """Release a table as a Parquet file."""
        self.release(message_type, {message_type: table.to_csv(index=False)})
        write_parquet(path, table)

    def _record_fault(self, kind: MessageType, payload: dict) -> str | None:
        """What a record holds that may not leave, or None."""
        return "nothing is known of what it may name" if kind.quality else None

    def _objection(self, kind: MessageType) -> str | None:
        if kind.refused:
            return kind.refused
        if not kind.supported:
            return None
        return "nothing is known of its support" if self.support is None else self.support.weakness(MINIMUM_SUPPORT)

    def remark_next(self, remark: str) -> None:
        """Add to the reason of the next entry what a simulated fault does with the message."""
        self._remark = remark

    def silence(self, message_type: str, round_: int, reason: str) -> None:
        """A message that was asked for and that never left."""
        self._write(message_type, {}, round_, "no answer", reason)

    def _refusal(
        self, message_type: str, payload: dict, round_: int, reason: str, kind: type[Refusal] = Refusal
    ) -> Refusal:
        self._write(message_type, payload, round_, "refused", reason)
        return kind(f"site {self.site}: {message_type} may not leave: {reason}")

    def _write(self, message_type: str, payload: dict, round_: int, decision: str, reason: str | None) -> None:
        reason = "; ".join(filter(None, [reason, self._remark]))
        self._remark = ""
        self.entries.append(
            {
                "when": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "stage": self.stage,
                "round": round_,
                "message_type": message_type,
                "fields": ", ".join(payload),
                "values": sum(values_in(value) for value in payload.values()) if decision != "refused" else 0,
                "bytes": sum(size_of(value) for value in payload.values()) if decision != "refused" else 0,
                "decision": decision,
                "reason": reason,
                "privacy_spent": None,
            }
        )


def _wire_fault(kind: MessageType, payload: dict, sizes: dict[str, int]) -> str | None:
    """What is wrong with the payload's form, or None: fields, dtype, shape, size."""
    if set(payload) != set(kind.fields):
        return f"it carries {', '.join(sorted(payload)) or 'nothing'}, not {', '.join(kind.fields)}"
    known = dict(sizes)
    for name, shape in kind.fields.items():
        value = payload[name]
        if (shape == TEXT) != isinstance(value, str):
            return f"{name} is not {'text' if shape == TEXT else 'an array'}"
        if shape == TEXT:
            continue
        if value.dtype != np.float64 or value.ndim != len(shape):
            return f"{name} is not an array of {len(shape)} dimensions of 64-bit floats"
        for letter, length in zip(shape, value.shape, strict=True):
            if known.setdefault(letter, 1 if letter == "1" else length) != length:
                return f"{name} has a length of {length} where {known[letter]} was asked for"
    if sum(size_of(value) for value in payload.values()) > MAXIMUM_BYTES:
        return f"larger than {MAXIMUM_BYTES >> 20} MiB"
    return None


def _not_finite(kind: MessageType, payload: dict) -> str | None:
    """The first field of a payload of sound form that holds a value which is no number, in words, or None."""
    for name, shape in kind.fields.items():
        if shape != TEXT and not kind.may_end and not np.isfinite(payload[name]).all():
            return f"{name} is not finite; lower the learning rate or raise the penalty"
    return None


def write_ledger(entries: list[dict], path: str | Path) -> None:
    """Write a ledger, also where nothing left the site."""
    table = pd.DataFrame(entries, columns=LEDGER_COLUMNS)
    table["privacy_spent"] = table["privacy_spent"].astype(float)
    write_parquet(path, table)


def merge_ledgers(parts: list[Path], path: str | Path) -> None:
    """The ledger of a site from those of its jobs, in the order of the stages."""
    write_parquet(path, pd.concat([read_parquet(part) for part in parts], ignore_index=True))


def size_of(value: np.ndarray | bytes | str) -> int:
    """Bytes of a payload's field."""
    return value.nbytes if isinstance(value, np.ndarray) else len(value if isinstance(value, bytes) else value.encode())


def values_in(value: np.ndarray | bytes | str) -> int:
    """Numbers in a payload's field; a file counts as one for each eight bytes."""
    return value.size if isinstance(value, np.ndarray) else -(-size_of(value) // 8)
