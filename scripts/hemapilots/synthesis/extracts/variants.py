"""The table of variants of a source: one row per variant, from the flags, counts and fractions of the clean table."""

import numpy as np
import pandas as pd

from hemapilots.synthesis.extracts.inverse import as_numbers
from hemapilots.synthesis.extracts.source import Source

__all__ = ["variant_table"]

PROTEINS = np.array(("p.R175H", "p.Y220C", "p.G245S", "p.R273C"), dtype=object)
# Further genes of a panel, which no use case asks for: one variant in every fourth patient.
BYSTANDERS = np.array(("CALR", "ETV6-RUNX1", "TERT"), dtype=object)
_BYSTANDER = ("p.V1L", 0.4)
# Allele fractions where the clean table has none: of the first variant of a gene, and of the others.
_FIRST, _OTHER = 0.3, 0.05


def variant_table(source: Source) -> pd.DataFrame:
    """One row per variant in an order of its own, columns as the mapping names them."""
    declared, ids = source.mapping["variants"], source.patients
    genes = {spec["gene"] for spec in source.use_case["variables"].values() if spec.get("gene")}
    parts = [_rows_of(source, gene) for gene in sorted(genes)]
    others = np.arange(0, len(ids), 4)
    bystander = {"patient": others, "gene": BYSTANDERS[others % 3], "protein": _BYSTANDER[0], "vaf": _BYSTANDER[1]}
    rows = pd.concat([*parts, pd.DataFrame(bystander)], ignore_index=True)
    rows = rows.iloc[source.rng.permutation(len(rows))].reset_index(drop=True)
    unit = 100 if declared.get("vaf_unit") == "%" else 1
    columns = {source.key(declared["file"]): ids[rows["patient"]], declared["gene"]: rows["gene"]}
    if declared.get("protein"):
        columns[declared["protein"]] = rows["protein"]
    if declared.get("vaf"):
        shares = np.array([float(f"{share:.6g}") for share in rows["vaf"] * unit])
        columns[declared["vaf"]] = as_numbers(shares, {"file": declared["file"]}, source.mapping)
    if declared.get("classification"):
        columns[declared["classification"]] = declared["oncogenic"][0]
    return pd.DataFrame(columns, dtype=object)


def _rows_of(source: Source, gene: str) -> pd.DataFrame:
    counts, fractions = _mutations(source, gene)
    patient = np.repeat(np.arange(len(counts)), counts)
    number = np.arange(len(patient)) - np.repeat(np.cumsum(counts) - counts, counts)
    return pd.DataFrame(
        {
            "patient": patient,
            "gene": source.habits.aliases.get(gene, gene),
            "protein": PROTEINS[number % len(PROTEINS)],
            "vaf": np.where(number == 0, fractions[patient], _OTHER),
        }
    )


def _mutations(source: Source, gene: str) -> tuple[np.ndarray, np.ndarray]:
    """How many variants of a gene each patient has and the highest fraction."""
    n = len(source.clean)
    counts, fractions = np.zeros(n, dtype=int), np.full(n, _FIRST)
    for name, spec in source.use_case["variables"].items():
        if spec.get("gene") != gene or name not in source.clean:
            continue
        values = np.nan_to_num(source.clean[name].to_numpy(dtype=float))
        if spec.get("of_variants") == "max_vaf":
            fractions = np.where(values > 0, values, fractions)
        else:
            counts = np.maximum(counts, values.astype(int))
    return counts, fractions
