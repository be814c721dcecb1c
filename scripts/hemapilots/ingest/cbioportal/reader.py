"""Reader of cBioPortal study folders.

Tables are tab-separated; rows of `#` above a header are skipped, quotation marks are ordinary signs. What a table is shows in
its header: PATIENT_ID alone (patients), PATIENT_ID and SAMPLE_ID (samples), SAMPLE_ID alone (gene panel matrix),
Tumor_Sample_Barcode (variants). Tables by sample are led to patients by the sample file, which must then be in `files`.

A patient with several samples: if the sample file declares a `date` (numbers, or YYYY-MM-DD), the earliest sample stands for
the patient. If it is `repeated: true`, its cells are observations. Otherwise cells that differ become further rows of the
patient, which harmonization judges as duplicates. Variants and panels of all samples that are left are read together; a gene
counts as assayed only where the samples agree on the panel.

Statuses such as `1:DECEASED` are read as `1`, or as `DECEASED`, where the mapping's `values` say so or there are none.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.delivered import Delivered, Remark, declared_columns
from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.assemble import categorical
from hemapilots.ingest.cbioportal.maf import SAMPLE, read_maf
from hemapilots.ingest.cbioportal.samples import Samples, samples_of
from hemapilots.ingest.cbioportal.study_files import check_described, described, open_study, properties
from hemapilots.ingest.csv import read_columns
from hemapilots.ingest.files import data_path
from hemapilots.ingest.gather import PANEL, Rows, blank, gather, patients_of, renamed, without_texts
from hemapilots.ingest.text import Text
from hemapilots.ingest.wanted import Wanted, locate, patient_column, used_files, wanted
from hemapilots.texts import BLANKS

__all__ = ["check", "read"]

SAMPLE_ID = "SAMPLE_ID"
CASES = "case_list_ids"
NOT_PROFILED = "NA"
_STATUS = re.compile(r"([01]):(.+)", re.DOTALL)


def read(folder: Path, mapping: dict) -> Delivered:
    """Patients of the first file, in its order; see `hemapilots.delivered`."""
    study = _Study(Path(folder), mapping)
    remarks = [remark for text in study.texts.values() for remark in text.remarks]
    samples = study.samples(remarks)
    files = {alias: study.rows(alias, samples, remarks) for alias in used_files(mapping)}
    delivered = gather(files, list(declared_columns(mapping)), remarks)
    delivered.remarks += _doubts(delivered, samples, mapping)
    return delivered


def check(folder: Path, mapping: dict) -> None:
    """Raises HemaPilotsError where a file is absent, empty or a pointer, or lacks a mapped column."""
    study = _Study(Path(folder), mapping, head=True)
    for alias in used_files(mapping):
        if alias != study.cases:
            study.places(alias)


class _Study:
    """The tables of a study, what each of them is, and where the wanted columns stand."""

    def __init__(self, folder: Path, mapping: dict, head: bool = False):
        panel = mapping.get("panel") or {}
        self.cases = panel.get("file") if panel.get("column") == CASES else None
        self.folder, self.mapping = folder, mapping
        self.texts = {
            alias: open_study(folder, mapping, alias, head) for alias in mapping["files"] if alias != self.cases
        }
        self.kinds = {alias: self._kind(text) for alias, text in self.texts.items()}
        self.descriptions = described(self.texts)
        check_described(self.descriptions, self.kinds)
        self.sample_file = next((alias for alias, kind in self.kinds.items() if kind == "samples"), None)
        by_sample = [alias for alias in used_files(mapping) if self.kinds.get(alias) not in ("patients", "samples")]
        if by_sample and self.sample_file is None:
            raise HemaPilotsError(
                f"mapping {mapping.get('name', '')}, files.{by_sample[0]}: its rows are samples, and no file says whose; add the "
                "clinical sample file (PATIENT_ID and SAMPLE_ID) to files"
            )

    def _kind(self, text: Text) -> str:
        names = {name.strip() for name in text.header}
        if SAMPLE in names or text.alias == (self.mapping.get("variants") or {}).get("file"):
            return "variants"
        whose = patient_column(self.mapping, text.alias) in names
        if SAMPLE_ID in names:
            return "samples" if whose else "by sample"
        return "patients"

    def _keyed(self, alias: str) -> dict:
        """The mapping, with the column that holds the id of a table's rows as its `patient_id`."""
        column = {"variants": SAMPLE, "by sample": SAMPLE_ID}.get(self.kinds[alias])
        if column is None:
            return self.mapping
        file = {**self.mapping["files"][alias], "patient_id": column}
        return {**self.mapping, "files": {**self.mapping["files"], alias: file}}

    def places(self, alias: str) -> dict[str, int]:
        """Delivered name -> position in the header, `patient_id` (or the sample's id) first."""
        text = self.texts[alias]
        if self.kinds[alias] == "variants" and (others := self._others(alias)):
            raise HemaPilotsError(
                f"mapping {self.mapping.get('name', '')}, {others[0]}: {text.path.name} has one row per variant; map it to a "
                "clinical file"
            )
        return locate(text.path, text.header, self._keyed(alias), alias)

    def _others(self, alias: str) -> list[str]:
        return [want.variable for want in wanted(self.mapping, alias) if want.variable != "variants"]

    def samples(self, remarks: list[Remark]) -> Samples | None:
        """Whose the samples are; None where the mapping names no sample file."""
        if self.sample_file is None:
            return None
        text, file = self.texts[self.sample_file], self.mapping["files"][self.sample_file]
        column = SAMPLE_ID if file.get("repeated") else file.get("date") or SAMPLE_ID
        header = [name.strip() for name in text.header]
        where = f'{text.path}, column "{column}"'
        if column not in header:
            raise HemaPilotsError(f"{where}: not in the header; mend files.{text.alias}.date")
        places = {"patient_id": self.places(text.alias)["patient_id"], "sample": header.index(SAMPLE_ID)}
        places |= {"date": header.index(column)} if column != SAMPLE_ID else {}
        table = read_columns(text, places)
        patients = patients_of(table["patient_id"].array, self._where(text.alias), self.mapping)
        dates = table["date"].array if "date" in table else None
        samples, said = samples_of(where, patients, table["sample"].array, dates, _missing(self.mapping))
        remarks += said
        return samples

    def _where(self, alias: str) -> str:
        return f'{self.texts[alias].path}, column "{patient_column(self._keyed(alias), alias)}"'

    def rows(self, alias: str, samples: Samples | None, remarks: list[Remark]) -> Rows:
        """The rows of one table by patient; adds to the remarks."""
        if alias == self.cases:
            return self._case_list(alias, samples)
        if self.kinds[alias] == "variants":
            return self._variants(alias, samples, remarks)
        table = read_columns(self.texts[alias], self.places(alias))
        ids, kind = table["patient_id"].array, self.kinds[alias]
        if kind == "by sample":
            patients, unknown = samples.patients_of(ids)
            remarks += _unlisted(None, alias, unknown)
        else:
            patients = patients_of(ids, self._where(alias), self.mapping)
            if kind == "samples" and alias == self.sample_file:
                patients = _without(patients, ~samples.kept)
        repeated = np.full(len(table), bool(self.mapping["files"][alias].get("repeated")))
        copy = pd.Series(np.asarray(patients.codes)).groupby(np.asarray(patients.codes)).cumcount().to_numpy()
        copy = np.where(repeated | (kind != "patients"), 0, copy)
        rows = Rows(self._where(alias), patients, {}, repeated, copy)
        for want in wanted(self.mapping, alias):
            cells = table[want.name].array
            if want.part == "value":
                cells, said = self._status(want, cells)
                remarks += said
            elif want.part == "panel":
                cells = without_texts(cells, _missing(self.mapping) | {NOT_PROFILED})
            rows.cells[want.name] = cells
        return rows

    def _status(self, want: Wanted, cells: pd.Categorical) -> tuple[pd.Categorical, list[Remark]]:
        """`1:DECEASED` as the mapping's `values` know it: whole, by its word, or by its digit, which is the default."""
        declared = declared_columns(self.mapping)[want.variable]
        texts = [str(text).strip(BLANKS) for text in cells.categories]
        found = [_STATUS.fullmatch(text) for text in texts]
        other = {text for text, match in zip(texts, found, strict=True) if not match}
        keys = {str(key).strip().casefold() for key in declared.get("values") or {}}
        matches = [match for match in found if match]
        whole = any(match[0].casefold() in keys for match in matches)
        if not matches or whole or not other <= _missing(self.mapping) | _missing(declared) | {""}:
            return cells, []
        part = 2 if any(match[2].strip().casefold() in keys for match in matches) else 1
        words = [match[part].strip() if match else text for text, match in zip(texts, found, strict=True)]
        count = int((~blank(cells)).sum())
        shown = "word" if part == 2 else "digit"
        return renamed(cells, words), [Remark(want.variable, "mapped", None, f"statuses read by their {shown}", count)]

    def _variants(self, alias: str, samples: Samples, remarks: list[Remark]) -> Rows:
        self.places(alias)
        text = self.texts[alias]
        names, columns, counts, said = read_maf(text, self._keyed(alias), self.descriptions.get(alias, {}))
        patients, unknown = samples.patients_of(names)
        remarks += [*said, *_unlisted("variants", alias, unknown)]
        if unknown == len(patients):
            raise HemaPilotsError(
                f"{self._where(alias)}: no sample of {self.texts[self.sample_file].path.name} is in it; check that both files "
                "write the sample ids alike"
            )
        nothing = np.zeros(len(patients), dtype=bool)
        return Rows(self._where(alias), _without(patients, ~counts), {}, nothing, nothing.astype(np.int64), columns)

    def _case_list(self, alias: str, samples: Samples) -> Rows:
        """The samples of a list of cases, under the list's name without the study's: `sequenced`."""
        path = data_path(self.folder, self.mapping, alias)
        entry = properties(path)
        if CASES not in entry or not entry.get("stable_id"):
            raise HemaPilotsError(
                f"{path}: not a list of cases (it needs stable_id and {CASES}); name one under files.{alias}"
            )
        patients, _ = samples.patients_of(categorical(entry[CASES].split()))
        name = entry["stable_id"].removeprefix(entry.get("cancer_study_identifier", "") + "_")
        cells = {PANEL: categorical([name] * len(patients))}
        nothing = np.zeros(len(patients), dtype=bool)
        return Rows(f"{path}, {CASES}", patients, cells, nothing, nothing.astype(np.int64))


def _missing(part: dict) -> set[str]:
    return {str(code).strip() for code in part.get("missing") or ()}


def _without(patients: pd.Categorical, which: np.ndarray) -> pd.Categorical:
    return pd.Categorical.from_codes(np.where(which, -1, patients.codes), patients.categories)


def _unlisted(variable: str | None, alias: str, count: int) -> list[Remark]:
    detail = f"rows of {alias} whose sample the sample file does not list"
    return [Remark(variable, "rejected", "ineligible", detail, count)] if count else []


def _doubts(delivered: Delivered, samples: Samples | None, mapping: dict) -> list[Remark]:
    """What the variants cannot tell."""
    if not mapping.get("variants"):
        return []
    doubts = []
    if samples.several:
        detail = "patients with several samples, whose variants are read together"
        doubts.append(Remark("variants", "flagged", "duplicate", detail, samples.several))
    without = set(delivered.records["patient_id"]) - set(delivered.variants["patient_id"])
    if without and not mapping.get("panel"):
        detail = "no panel is mapped: patients without a variant count as not mutated"
        doubts.append(Remark("variants", "flagged", "not_assayed", detail, len(without)))
    return doubts
