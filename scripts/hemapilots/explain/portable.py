"""The primary model as one pair of files per endpoint that goes to a hospital: final arrays, and all that new patients need beside."""

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hemapilots.errors import HemaPilotsError
from hemapilots.explain.subject import final_arrays
from hemapilots.expressions import parse
from hemapilots.models.files import models_in, read_model
from hemapilots.tables import atomic, write_json

__all__ = ["FORM", "export_models", "portable_card", "read_portable"]

# Raised where the form of the files changes.
FORM = 2


def export_models(
    folder: Path, spec: dict, protocol_hash: str, out: Path, flagged: dict[str, list[dict]] | None = None
) -> list[dict]:
    """Write <endpoint>.npz and <endpoint>.json of the primary model's final fits in the folder; returns the cards.

    spec: see `study.export_spec`; flagged: by endpoint the parts of `flagged_parts`. No patient's data is in them but what the model
    itself carries.
    """
    out.mkdir(parents=True, exist_ok=True)
    cards = []
    for endpoint, model, regime in models_in(folder):
        if (model, regime) != (spec["model"], spec["regime"]):
            continue
        arrays, card = read_model(folder, endpoint, model, regime)
        card = portable_card(card, spec, (flagged or {}).get(endpoint, [])) | {"protocol_sha256": protocol_hash}
        buffer = io.BytesIO()
        np.savez(buffer, **final_arrays(arrays))
        atomic(out / f"{endpoint}.npz", lambda path, buffer=buffer: path.write_bytes(buffer.getvalue()))
        write_json(out / f"{endpoint}.json", card)
        cards.append(card)
    return cards


def portable_card(card: dict, spec: dict, flagged: Sequence[dict] = ()) -> dict:
    """The card of a model with what new patients need beside it. flagged: parts of the patients in whom it was found wanting."""
    endpoint = card["endpoint"]
    found = _slim(card) | {
        "form": FORM,
        "label": spec["labels"][endpoint],
        "horizons": spec["horizons"][endpoint],
        "entry": spec["entries"][endpoint],
        "competing_event": spec["competing"].get(endpoint),
        **{name: spec[name] for name in ("pilot", "title", "use_case", "index_date", "abstention")},
    }
    found |= {"decisions": _decisions(endpoint, spec), "flagged": list(flagged)}
    reads = [*(parse(found["entry"]).names if found["entry"] else ()), *spec["subgroups"]]
    reads += [name for decision in found["decisions"] for name in decision["among"]]
    return found | _inputs(card["columns"], reads, spec)


def _decisions(endpoint: str, spec: dict) -> list[dict]:
    """What the endpoint's risks are for, each with the margin that counts."""
    found = [decision for decision in spec["decisions"] if decision["endpoint"] == endpoint]
    kept = ("name", "label", "horizon", "thresholds", "among")
    margin = spec["abstention"]["margin"]
    return [
        {name: one[name] for name in kept} | {"margin": margin if one["margin"] is None else one["margin"]}
        for one in found
    ]


def _slim(card: dict) -> dict:
    """Of a model's card what predictions rest on, and how large it is; of that of a competing event the same."""
    kept = ("endpoint", "model", "kind", "regime", "columns", "ties", "settings", "state", "patients", "events")
    found = {name: card[name] for name in kept}
    return found | ({"competing": _slim(card["competing"])} if "competing" in card else {})


def _inputs(columns: list[str], reads: Sequence[str], spec: dict) -> dict:
    """How the columns are made from variables, the variables that the model uses, and all that must be known of a patient.

    reads: what the time of entry, decisions and flagged parts follow from."""
    encoding = [column for column in spec["columns"] if column["column"] in columns]
    used = list(dict.fromkeys(column["variable"] for column in encoding))
    wanted = [*used, *reads, *spec["abstention"]["required"]]
    known = {}
    for name in wanted:
        known |= {one: spec["inputs"][one] for one in _sources(name, spec["inputs"])}
    return {"encoding": encoding, "variables": used, "inputs": known}


def _sources(name: str, inputs: dict) -> list[str]:
    """A variable and what it is derived from, sources first."""
    before = [one for other in inputs[name].get("reads", []) for one in _sources(other, inputs)]
    return list(dict.fromkeys([*before, name]))


def read_portable(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """Arrays and card of one endpoint, from the name of either file. Raises HemaPilotsError where they are not such a pair."""
    pair = {kind: path.with_suffix(kind) for kind in (".npz", ".json")}
    try:
        card = json.loads(pair[".json"].read_text(encoding="utf-8"))
        with np.load(pair[".npz"], allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except FileNotFoundError as error:
        raise HemaPilotsError(f"{error.filename}: no such file; a model is a .npz with its .json beside it") from None
    except (ValueError, EOFError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise HemaPilotsError(
            f"{path}: not a model ({type(error).__name__}); take it from results/<pilot>/model"
        ) from None
    if not isinstance(card, dict) or card.get("form") != FORM or "encoding" not in card:
        raise HemaPilotsError(
            f"{pair['.json']}: not a model for new patients of this version; take it from results/<pilot>/model"
        )
    return arrays, card
