"""A mutation annotation file: one row per variant and sample, reduced to the variants that a study counts."""

import numpy as np
import pandas as pd

from hemapilots.delivered import Remark
from hemapilots.ingest.assemble import categorical
from hemapilots.ingest.csv import read_columns
from hemapilots.ingest.gather import trimmed
from hemapilots.ingest.text import Text
from hemapilots.ingest.wanted import locate
from hemapilots.texts import BLANKS

__all__ = ["SAMPLE", "read_maf"]

SAMPLE = "Tumor_Sample_Barcode"
_USUAL = {"protein": "HGVSp_Short", "coding": "HGVSc"}
_COUNTS = ("t_alt_count", "t_ref_count")
# What cBioPortal does not load unless a study says otherwise; promoter variants of TERT stand under 5'Flank.
_SILENT = ("Silent", "Intron", "IGR", "3'UTR", "5'UTR", "3'Flank", "5'Flank")
_PROMOTER = ("TERT", "5'Flank")
_NO_VARIANT = ("None", "LOH", "Wildtype")


def read_maf(
    text: Text, mapping: dict, description: dict
) -> tuple[pd.Categorical, dict[str, pd.Categorical], np.ndarray, list]:
    """(sample of each row, columns of the variants, which rows count, remarks).

    mapping: its `variants` name the columns; protein and coding change, and the allele fraction from the counts of reads,
    are found under their usual names too. Where it declares no `oncogenic` classes, variants that change no protein do not
    count. description: of the file, which may name other classes in `variant_classification_filter`.
    """
    header = {name.strip(): place for place, name in reversed(list(enumerate(text.header)))}
    places = locate(text.path, text.header, mapping, text.alias)
    for part, name in _USUAL.items():
        if part not in places and name in header:
            places[part] = header[name]
    for name in (*_COUNTS, "Variant_Classification", "Mutation_Status"):
        if name in header:
            places[f"={name}"] = header[name]
    table = read_columns(text, places)
    columns = {name: table[name].array for name in places if name != "patient_id" and not name.startswith("=")}
    if "vaf" not in columns and all(f"={name}" in table for name in _COUNTS):
        columns["vaf"] = _fractions(table, (mapping["variants"].get("vaf_unit") == "%"))
    counts, remarks = np.ones(len(table), dtype=bool), []
    if "=Mutation_Status" in table:
        counts &= ~_among(table["=Mutation_Status"].array, _NO_VARIANT)
        remarks += _said("rows whose Mutation_Status says that there is no somatic variant", ~counts)
    if "=Variant_Classification" in table and not mapping["variants"].get("oncogenic"):
        silent = counts & _silent(table["=Variant_Classification"].array, columns["gene"], description)
        remarks += _said("variants of a class that changes no protein", silent)
        counts &= ~silent
    return trimmed(table["patient_id"].array), columns, counts, remarks


def _silent(classes: pd.Categorical, genes: pd.Categorical, description: dict) -> np.ndarray:
    listed = description.get("variant_classification_filter")
    if listed is not None:
        return _among(classes, [name.strip() for name in listed.split(",") if name.strip()])
    return _among(classes, _SILENT) & ~(_among(genes, _PROMOTER[:1]) & _among(classes, _PROMOTER[1:]))


def _among(column: pd.Categorical, names) -> np.ndarray:
    of_text = [str(text).strip(BLANKS) in names for text in column.categories]
    return np.array([*of_text, False], dtype=bool)[np.asarray(column.codes, dtype=np.int64)]


def _said(detail: str, which: np.ndarray) -> list[Remark]:
    return [Remark("variants", "rejected", "ineligible", detail, int(which.sum()))] if which.any() else []


def _fractions(table: pd.DataFrame, per_cent: bool) -> pd.Categorical:
    """Reads of the variant among all reads, as text; null where a count is absent or no read was counted."""
    variant, reference = (_whole(table[f"={name}"].array) for name in _COUNTS)
    total = variant + reference
    share = np.divide(variant, total, out=np.full(len(total), np.nan), where=total > 0) * (100 if per_cent else 1)
    return categorical([None if np.isnan(value) else f"{value:.6g}" for value in share])


def _whole(column: pd.Categorical) -> np.ndarray:
    texts = [str(text).strip(BLANKS) for text in column.categories]
    of_text = [float(text) if text.isascii() and text.isdigit() and len(text) < 10 else np.nan for text in texts]
    return np.array([*of_text, np.nan])[np.asarray(column.codes, dtype=np.int64)]
