"""Model files: arrays as npz without pickle, the rest as JSON beside it. No patient data but what the model itself carries."""

import io
import json
from pathlib import Path

import numpy as np

from hemapilots.tables import atomic, write_text


def write_model(
    folder: Path, endpoint: str, model: str, regime: str, arrays: dict[str, np.ndarray], card: dict
) -> None:
    """Write <endpoint>/<model>/<regime>.npz and .json under the folder."""
    stem = folder / endpoint / model / regime
    stem.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    atomic(stem.parent / f"{stem.name}.npz", lambda path: path.write_bytes(buffer.getvalue()))
    write_text(stem.parent / f"{stem.name}.json", json.dumps(card, indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_model(
    folder: Path, endpoint: str, model: str, regime: str, without: tuple[str, ...] = ()
) -> tuple[dict[str, np.ndarray], dict]:
    """The arrays and the card of one model; without: beginnings of the names of arrays that are left, as `final_`."""
    stem = folder / endpoint / model / regime
    with np.load(stem.parent / f"{stem.name}.npz", allow_pickle=False) as file:
        wanted = [name for name in file.files if not name.removeprefix("competing_").startswith(without)]
        arrays = {name: file[name] for name in wanted}
    return arrays, json.loads((stem.parent / f"{stem.name}.json").read_text())


def models_in(folder: Path) -> list[tuple[str, str, str]]:
    """(endpoint, model, regime) of every model under the folder, sorted."""
    found = []
    for path in sorted(folder.rglob("*.npz")):
        endpoint, model, *regime = path.relative_to(folder).with_suffix("").parts
        found.append((endpoint, model, "/".join(regime)))
    return found
