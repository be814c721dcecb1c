"""REDCap exports and cBioPortal studies with all their columns, as text."""

from pathlib import Path

import pandas as pd

from hemapilots.scan.tables import Column, Table
from hemapilots.scan.text_files import alias_of, columns_of, read_text_table

__all__ = ["read_cbioportal", "read_redcap"]

_OWN = ("redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance", "redcap_data_access_group")


def read_redcap(folder: Path, files: list[Path]) -> list[Table]:
    """One table per export; cells of rows that belong to another instrument are left out."""
    tables = []
    for path in files:
        frame, form = read_text_table(path)
        patient = next((name for name in frame.columns if name.lower() in ("record_id", "study_id")), frame.columns[0])
        repeated = "redcap_repeat_instrument" in frame.columns
        columns = []
        for column in columns_of(frame.drop(columns=[name for name in _OWN if name in frame.columns])):
            cells = column.texts
            if repeated and column.selector != patient:
                # A field has cells only in the rows of its own instrument.
                mine = (
                    pd.Series(cells).astype(str).groupby(frame["redcap_repeat_instrument"].to_numpy()).transform("max")
                )
                cells = pd.Categorical(pd.Series(cells)[mine.astype(str) != ""].astype(str))
            columns.append(Column(column.selector, cells))
        form = {key: value for key, value in form.items() if (key, value) != ("delimiter", ",")}
        remarks = ["instruments repeat: measurements come in several rows a patient"] if repeated else []
        # Rows that repeat are the reader's business, not the mapping's.
        path_text = str(path.relative_to(folder))
        tables.append(Table(alias_of(path, tables), path_text, columns, form, patient, remarks=remarks, settled=True))
    return tables


def read_cbioportal(folder: Path, files: list[Path]) -> list[Table]:
    """Patients, samples and mutations of a study folder; the lines above the header that start with # hold other names."""
    tables = []
    for path in files:
        if not path.name.startswith(("data_clinical", "data_mutations")):
            continue
        with path.open(encoding="utf-8", errors="replace") as file:
            head = []
            for line in file:
                if not line.startswith("#"):
                    break
                head.append(line.lstrip("#").rstrip("\r\n").split("\t"))
        frame, form = read_text_table(path, skip=len(head), delimiter="\t")
        columns = columns_of(frame)
        if head and len(head[0]) == len(columns):
            columns = [
                Column(column.selector, column.texts, names=(label,))
                for column, label in zip(columns, head[0], strict=True)
            ]
        form.pop("delimiter")
        variants = path.name.startswith("data_mutations")
        patient = next((c.selector for c in columns if c.selector in ("PATIENT_ID", "Tumor_Sample_Barcode")), None)
        table = Table(alias_of(path, tables), str(path.relative_to(folder)), columns, form, patient, repeated=variants)
        tables.append(table)
    return sorted(tables, key=lambda table: ("mutation" in table.path, "sample" in table.path, table.path))
