"""REDCap exports and cBioPortal studies with all their columns, as text."""

from pathlib import Path

import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.cbioportal.study_files import table_below
from hemapilots.ingest.redcap.dictionary import Dictionary, box_code, is_dictionary, read_dictionary
from hemapilots.ingest.redcap.reader import DICTIONARY
from hemapilots.ingest.text import Text, read_bytes
from hemapilots.scan.tables import Column, Table, patient_codes
from hemapilots.scan.text_files import alias_of, columns_of, decoded, parsed, read_text_table

__all__ = ["read_cbioportal", "read_redcap"]

_OWN = ("redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance", "redcap_data_access_group")


def read_redcap(folder: Path, files: list[Path]) -> list[Table]:
    """One table per export, and its data dictionary; cells of rows that belong to another instrument are left out."""
    read = {path: read_text_table(path) for path in files}
    lookup = next((path for path, (frame, _) in read.items() if is_dictionary([*map(str, frame.columns)])), None)
    fields, tables = Dictionary(folder, {}), []
    if lookup is not None:
        fields = read_dictionary(Text(lookup, read_bytes(lookup), {"files": {DICTIONARY: {}}}, DICTIONARY))
        remark = f"data dictionary: labels and choices of {len(fields.fields)} fields"
        path_text = str(lookup.relative_to(folder))
        tables.append(Table(DICTIONARY, path_text, [], patient="", settled=True, lookup=True, remarks=[remark]))
    for path in [path for path in files if path != lookup]:
        frame, form = read[path]
        known = ("record_id", "study_id", *list(fields.fields)[:1])
        patient = next((name for name in frame.columns if name.lower() in known), frame.columns[0])
        who = patient_codes(pd.Categorical(frame[patient].astype(str)))
        repeated = "redcap_repeat_instrument" in frame.columns
        columns = []
        for column in columns_of(frame.drop(columns=[name for name in _OWN if name in frame.columns])):
            cells, own = column.texts, who
            if repeated and column.selector != patient:
                # A field has cells only in the rows of its own instrument.
                texts, instrument = pd.Series(cells).astype(str), frame["redcap_repeat_instrument"].to_numpy()
                mine = (texts.groupby(instrument).transform("max").astype(str) != "").to_numpy()
                cells, own = pd.Categorical(texts[mine]), who[mine]
            columns.append(_described(Column(column.selector, cells, patients=own), fields))
        form = {key: value for key, value in form.items() if (key, value) != ("delimiter", ",")}
        remarks = ["instruments repeat: measurements come in several rows a patient"] if repeated else []
        # Rows that repeat are the reader's business, not the mapping's.
        path_text = str(path.relative_to(folder))
        tables.append(
            Table(alias_of(path, tables), path_text, columns, form, str(patient), remarks=remarks, settled=True)
        )
    return tables


def _described(column: Column, dictionary: Dictionary) -> Column:
    """A column with what the data dictionary says of it: labels, the meaning of codes, whether it is about a person."""
    name, _, code = column.selector.partition("___")
    field = dictionary.fields.get(name)
    if field is None:
        return column
    boxes = [label for choice, label in field.choices.items() if box_code(choice) == code.lower()]
    column.names = tuple(boxes[:1] if code else filter(None, [field.label]))
    column.meanings = {} if code else field.choices
    column.personal = field.identifier or field.type == "notes"
    return column


def read_cbioportal(folder: Path, files: list[Path]) -> list[Table]:
    """Patients, samples and mutations of a study folder; the lines above the header that start with # hold other names."""
    tables = []
    for path in files:
        if not path.name.startswith(("data_clinical", "data_mutations")):
            continue
        found = decoded(path)
        above, content = table_below(path, found.content)
        frame, _ = parsed(path, content, delimiter="\t")
        labels = above.decode(errors="replace").split("\n", 1)[0].lstrip("#").rstrip("\r").split("\t")
        columns = columns_of(frame)
        if above and len(labels) == len(columns):
            columns = [
                Column(column.selector, column.texts, names=(label,))
                for column, label in zip(columns, labels, strict=True)
            ]
        variants = path.name.startswith("data_mutations")
        patient = next((c.selector for c in columns if c.selector in ("PATIENT_ID", "Tumor_Sample_Barcode")), None)
        if patient is None:
            # Without its own columns it is not known whether the first line is a header or a patient.
            wanted = "Tumor_Sample_Barcode" if variants else "PATIENT_ID"
            raise HemaPilotsError(f"{path}: no column {wanted} in its header; export the study again")
        form = {"encoding": found.encoding}
        table = Table(alias_of(path, tables), str(path.relative_to(folder)), columns, form, patient, repeated=variants)
        tables.append(table)
    _lead_to_patients(tables)
    return sorted(tables, key=lambda table: ("mutation" in table.path, "sample" in table.path, table.path))


def _lead_to_patients(tables: list[Table]) -> None:
    """Rows that name a sample count for its patient."""
    known: dict[str, str] = {}
    for table in tables:
        pair = {column.selector: column.texts for column in table.columns}
        if {"SAMPLE_ID", "PATIENT_ID"} <= pair.keys():
            known |= dict(zip(pair["SAMPLE_ID"].astype(object), pair["PATIENT_ID"].astype(object), strict=True))
    for table in tables:
        column = next((column for column in table.columns if column.selector == table.patient), None)
        if column is not None:
            names = [known.get(str(text), str(text)) for text in column.texts.astype(object)]
            table.count_for(patient_codes(pd.Categorical(names)))
