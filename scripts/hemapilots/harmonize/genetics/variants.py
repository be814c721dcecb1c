"""A table with one row per variant becomes flags, counts and highest allele fractions of each patient's genes."""

import re

import numpy as np
import pandas as pd

from hemapilots.delivered import Remark
from hemapilots.harmonize.findings import Finding, Harmonized, everywhere
from hemapilots.harmonize.genetics import panel as panels
from hemapilots.harmonize.genetics.genes import is_excel_artifact, is_polymorphism, is_uncertain, known, symbol

__all__ = ["allele_fractions", "gene_values", "remarks"]

_FRACTION = re.compile(r"([0-9]{1,9}(?:[.,][0-9]{1,12})?|[.,][0-9]{1,12})(?:[eE]-[0-9]{1,2})? ?(%)?")
# In a column without a stated unit one value above 1 makes all of them per cent, unless too many are below 1.
_SMALL_SHARE = 0.2
_UNLISTED = "no row in the table of variants, and the mapping's panel does not say what was assayed"


def gene_values(
    variants: pd.DataFrame,
    patient_ids: np.ndarray,
    variables: dict[str, dict],
    declared: dict,
    panel: dict | None = None,
    panel_names: np.ndarray | None = None,
) -> dict[str, Harmonized]:
    """Values of every variable with a `gene`, one per entry of patient_ids (which may repeat).

    variants: of `ingest.delivered`. declared: the mapping's `variants` (vaf_unit, oncogenic). `of_variants` of a variable
    says what it is: `flag` (0, 1), `count`, or `max_vaf` (fraction; 0 without a variant, unknown where none states it).
    A gene with variants of uncertain significance, or with polymorphisms alone, is unknown and flagged so.

    panel: of the mapping; it says which genes a patient's laboratory looked at, and every gene of it without a variant is
    not mutated. Without one a patient with at least one row (be it without a gene) was sequenced, and has no mutation of the
    genes that no row names; a patient without any row may never have been sequenced: not assayed.
    """
    wanted = {name: spec for name, spec in variables.items() if spec.get("gene")}
    table = _table(variants, declared or {})
    patients = pd.Index(pd.unique(np.asarray(patient_ids, dtype=object)))
    places = patients.get_indexer(np.asarray(patient_ids, dtype=object))
    table = table.assign(patient=patients.get_indexer(table["patient_id"]))
    table = table[table["patient"] >= 0].reset_index(drop=True)
    absent = np.zeros(len(places), dtype=bool) if panel else ~np.isin(places, table["patient"].to_numpy())
    rows_of = _rows_of(table)
    nothing = np.zeros(0, dtype=np.int64)
    result = {}
    for name, spec in wanted.items():
        rows = table.iloc[rows_of.get(symbol(spec["gene"]) or spec["gene"].strip().upper(), nothing)]
        column = _variable(rows, spec.get("of_variants") or "flag", len(patients))
        spread = Harmonized(column.values[places], [_spread(finding, places) for finding in column.findings])
        kept = panels.apply(name, spec, spread.values, panel, panel_names)
        kept.values[absent] = np.nan
        unlisted = [Finding("null", "not_assayed", _UNLISTED, everywhere(absent), True)] if absent.any() else []
        told = [finding for finding in spread.findings if len(finding.cells)]
        result[name] = Harmonized(kept.values, told + kept.findings + unlisted)
    return result


def remarks(variants: pd.DataFrame) -> list[Remark]:
    """What the table's gene column holds that is no gene: rows whose symbol a spreadsheet turned into a date, and rows without one.

    Symbols that the gene table does not know are no fault: panels hold more genes than a study uses.
    """
    genes = _texts(variants, "gene")
    damaged = sum(is_excel_artifact(gene) for gene in genes)
    absent = sum(gene is None for gene in genes)
    result = []
    if damaged:
        detail = "gene symbols that a spreadsheet turned into dates; deliver the column as text"
        result.append(Remark("variants", "null", "excel_artifact", detail, damaged))
    if absent:
        result.append(Remark("variants", "null", "missing", "variants without a gene", absent))
    return result


def _table(variants: pd.DataFrame, declared: dict) -> pd.DataFrame:
    """One row per variant: patient_id, gene and feature (approved symbols, None for none), label (a number for what describes
    the variant, -1 for nothing), vaf (fraction), counts (1 counts, 0 does not, nan uncertain)."""
    labels = [
        " ".join(part for part in parts if part).lower()
        for parts in zip(_texts(variants, "protein"), _texts(variants, "coding"), strict=True)
    ]
    called = _each(_gene, list(zip(_texts(variants, "gene"), labels, strict=True)))
    fractions, fault = allele_fractions(_texts(variants, "vaf"), declared.get("vaf_unit"))
    table = pd.DataFrame(
        {
            "patient_id": pd.Series(_texts(variants, "patient_id"), dtype=object),
            "gene": pd.Series([gene for gene, _ in called], dtype=object),
            "feature": pd.Series([feature for _, feature in called], dtype=object),
            "label": pd.factorize(np.array([label or None for label in labels], dtype=object))[0],
            "vaf": fractions,
            "counts": _counting(_texts(variants, "classification"), declared.get("oncogenic") or ()),
        }
    )
    benign = _each(_is_benign, list(zip(table["gene"], labels, strict=True)))
    # Also where the laboratory's class says otherwise; what the class takes out stays out.
    table.loc[np.array(benign, dtype=bool) & (table["counts"] != 0), "counts"] = np.nan
    table.attrs["vaf_fault"] = fault
    return table


def _each(function, values: list) -> list:
    """A function of every value, computed once for each distinct one."""
    found = {value: function(value) for value in set(values)}
    return [found[value] for value in values]


def _texts(variants: pd.DataFrame, column: str) -> list[str | None]:
    if column not in variants:
        return [None] * len(variants)
    cells = variants[column].astype(object)
    return [str(cell).strip() or None if pd.notna(cell) else None for cell in cells]


def _gene(stated: tuple[str | None, str]) -> tuple[str | None, str | None]:
    """(gene of which this is a mutation, feature) of a gene's text and the variant's description."""
    text, label = stated
    genes = known()[0]
    name = symbol(text) or (text.upper() if text else None)
    feature = name if name in genes and genes[name].feature_of else None
    if feature is None and name:
        of_gene = (entry for entry in genes.values() if entry.feature_of == name)
        feature = next((entry.symbol for entry in of_gene if any(word in label for word in entry.words)), None)
    if feature is None:
        return name, None
    return (genes[feature].feature_of if genes[feature].counts_for_gene else None), feature


def _is_benign(stated: tuple[str | None, str]) -> bool:
    """Whether a gene's change is a polymorphism of healthy people."""
    gene, label = stated
    return any(is_polymorphism(gene, part) for part in label.split())


def _counting(classes: list[str | None], oncogenic) -> np.ndarray:
    """1 for a variant that counts, 0 for one that does not, nan where its significance is unknown or not stated."""
    if not oncogenic:
        return np.ones(len(classes))
    wanted = {_folded(name) for name in oncogenic}
    return np.array(_each(lambda text: _class(text, wanted), classes), dtype=float)


def _class(text: str | None, wanted: set[str]) -> float:
    if text is None:
        return np.nan
    if _folded(text) in wanted:
        return 1.0
    return np.nan if is_uncertain(text) else 0.0


def _folded(text) -> str:
    return re.sub(r"[\W_]+", " ", str(text).casefold()).strip()


def _rows_of(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Gene or feature -> the rows that are its variants, ascending."""
    of_gene, of_feature = (table.groupby(column).indices for column in ("gene", "feature"))
    names = [*of_gene, *(name for name in of_feature if name not in of_gene)]
    nothing = np.zeros(0, dtype=np.int64)
    return {name: np.union1d(of_gene.get(name, nothing), of_feature.get(name, nothing)) for name in names}


def _variable(rows: pd.DataFrame, kind: str, patients: int) -> Harmonized:
    """One variable over the distinct patients."""
    sure = rows[rows["counts"] == 1]
    # The same change delivered twice is one; rows that describe nothing are each their own.
    number = _count(sure, patients)
    uncertain = np.zeros(patients, dtype=bool)
    uncertain[rows.loc[rows["counts"].isna(), "patient"].to_numpy()] = True
    uncertain &= number == 0
    findings = []
    if kind == "max_vaf":
        values = np.zeros(patients)
        values[number > 0] = np.nan
        best = sure.groupby("patient")["vaf"].max()
        values[best.index.to_numpy(dtype=np.int64)] = best.to_numpy(dtype=float)
        fault = rows.attrs.get("vaf_fault")
        unknown = (number > 0) & np.isnan(values)
        if unknown.any():
            findings.append(
                Finding("null", fault or "missing", "no usable allele fraction of a variant", everywhere(unknown))
            )
    else:
        values = number if kind == "count" else (number > 0).astype(float)
    values[uncertain] = np.nan
    if uncertain.any():
        detail = "variants of uncertain significance or polymorphisms alone"
        findings.append(Finding("null", "code_unknown", detail, everywhere(uncertain)))
    return Harmonized(values, findings)


def _count(sure: pd.DataFrame, patients: int) -> np.ndarray:
    described = sure[sure["label"] >= 0].drop_duplicates(["patient", "label"])
    bare = sure[sure["label"] < 0]
    places = np.concatenate([described["patient"].to_numpy(np.int64), bare["patient"].to_numpy(np.int64)])
    return np.bincount(places, minlength=patients).astype(float)


def _spread(finding: Finding, places: np.ndarray) -> Finding:
    """A finding over distinct patients as one over the entries of patient_ids."""
    return Finding(
        finding.status, finding.reason, finding.detail, everywhere(np.isin(places, finding.cells)), finding.whole
    )


def allele_fractions(texts: list[str | None], unit: str | None) -> tuple[np.ndarray, str | None]:
    """(fractions between 0 and 1, fault): `0.45`, `45`, `45 %`, `0,45`; nan where missing or not a fraction.

    unit: "1", "%", or None where the whole column decides: one value above 1 makes all of them per cent, unless more than a
    fifth are below 1; then the unit cannot be told, all are nan and the fault is `unit_conflict`.
    """
    found = [_FRACTION.fullmatch(text) if text else None for text in texts]
    numbers = np.array([float(match[0].rstrip("% ").replace(",", ".")) if match else np.nan for match in found])
    stated = np.array([bool(match and match[2]) for match in found], dtype=bool)
    bare = numbers[~stated & np.isfinite(numbers)]
    fault = None
    if unit is None:
        unit = "%" if (bare > 1).any() else "1"
        if unit == "%" and (bare < 1).mean() > _SMALL_SHARE:
            fault = "unit_conflict"
    numbers = np.where(stated | (unit == "%"), numbers / 100, numbers)
    if fault:
        numbers = np.where(stated, numbers, np.nan)
    return np.where((numbers >= 0) & (numbers <= 1), numbers, np.nan), fault
