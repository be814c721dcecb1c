"""The hashes of everything that a pilot's figures rest on besides code."""

import hashlib
from pathlib import Path

from hemapilots.config.use_case import UseCase
from hemapilots.cross_checks import Source, load_public

__all__ = ["frozen_protocol", "public_hashes", "reference_tables", "score_tables", "sha256"]


def frozen_protocol(study: dict, protocol: Source, sources: list[Source]) -> dict:
    """The protocol with every default filled in and the hash of every input; `sha256` is the hash of all the rest."""
    return {
        "pilot": study["pilot"],
        "protocol": protocol.value.model_dump(mode="json"),
        "use_case": study["harmonize"]["name"],
        "sharing": study["sharing"],
        "gate": study["gate"],
        "sites": study["sites"],
        "split": study["split"],
        "generate": study["generate"],
        "public": study["public"],
        "inputs": {f"{source.path.parent.name}/{source.path.name}": source.sha256 for source in sources},
    }


def public_hashes(name: str | None, resources: Path) -> dict[str, str]:
    """The accepted hashes of a public cohort's files."""
    files = load_public(resources)[name]["files"] if name else {}
    return {
        f"cohorts/{name}/{file}": " or ".join([*entry["sha256"], *(entry["original"] or {}).get("sha256", [])])
        for file, entry in files.items()
    }


def reference_tables(resources: Path) -> dict[str, str]:
    """The hash of every table of units, codes and thresholds: what harmonization knows besides its code."""
    folders = [resources / part for part in ("units", "codes", "quality")]
    paths = [path for folder in folders for path in sorted(folder.glob("*")) if path.is_file()]
    return {str(path.relative_to(resources.parent)): sha256(path) for path in paths}


def score_tables(use_case: UseCase, resources: Path) -> dict[str, str]:
    """The hash of the table of every score that the use case computes."""
    return {f"resources/scores/{name}.yaml": sha256(resources / "scores" / f"{name}.yaml") for name in use_case.scores}


def sha256(path: Path) -> str:
    """The hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
