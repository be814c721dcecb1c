"""Public cohorts: a file from a mirror folder, or from its URL, accepted only with the expected SHA-256."""

import hashlib
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.files import LFS_POINTER
from hemapilots.tables import atomic

TIMEOUT_SECONDS = 60
MAXIMUM_BYTES = 1 << 30


def fetch(name: str, cohort: dict, mirror: str | None, out: Path) -> None:
    """Put a verified file of a cohort (an entry of resources/cohorts.yaml) at `out`.

    Raises HemaPilotsError where the file cannot be had or is not the expected one; nothing is kept then.
    """
    if name not in cohort["files"]:
        raise HemaPilotsError(
            f"resources/cohorts.yaml: no file '{name}' in this cohort; use one of {', '.join(cohort['files'])}"
        )
    entry = cohort["files"][name]

    def write(temporary: Path) -> None:
        if mirror:
            _copy(Path(mirror) / cohort["folder"] / name, temporary)
        else:
            _download(entry["url"], temporary)
        verify(temporary, entry["sha256"], f"{Path(mirror) / cohort['folder'] / name}" if mirror else entry["url"])

    atomic(out, write)


def verify(path: Path, accepted: list[str], where: str) -> None:
    """Refuse a file whose SHA-256 is not among the accepted ones."""
    content = path.read_bytes()
    if content.startswith(LFS_POINTER):
        raise HemaPilotsError(
            f"{where}: a Git-LFS pointer stands instead of the data; run 'git lfs pull' there and try again"
        )
    found = hashlib.sha256(content).hexdigest()
    if found not in accepted:
        raise HemaPilotsError(
            f"{where}: SHA-256 {found} is not the expected {accepted[0]}; fetch the original file again"
        )


def check_mirror(mirror: str, cohorts: list[dict]) -> None:
    """Before a run: the mirror folder exists and holds every file of the cohorts, each with the expected SHA-256."""
    folder = Path(mirror)
    if not folder.is_dir():
        raise HemaPilotsError(
            f"COHORT_MIRROR={mirror}: no such folder; give the folder that holds the public cohorts, or leave it out to download"
        )
    for cohort in cohorts:
        for name, entry in cohort["files"].items():
            path = folder / cohort["folder"] / name
            if not path.is_file():
                raise HemaPilotsError(
                    f"{path}: no such file in the mirror; copy it there, or leave COHORT_MIRROR out to download"
                )
            verify(path, entry["sha256"], str(path))


def _copy(path: Path, to: Path) -> None:
    if not path.is_file():
        raise HemaPilotsError(
            f"{path}: no such file in the mirror; copy it there, or leave COHORT_MIRROR out to download"
        )
    shutil.copyfile(path, to)


def _download(url: str, to: Path) -> None:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response, to.open("wb") as file:
            while chunk := response.read(1 << 20):
                file.write(chunk)
                if file.tell() > MAXIMUM_BYTES:
                    raise HemaPilotsError(
                        f"{url}: larger than {MAXIMUM_BYTES >> 20} MiB; this is not the expected file"
                    )
    except (urllib.error.URLError, TimeoutError) as error:
        raise HemaPilotsError(
            f"{url}: cannot be downloaded ({getattr(error, 'reason', error)}); set COHORT_MIRROR to a folder with the cohorts"
        ) from None
