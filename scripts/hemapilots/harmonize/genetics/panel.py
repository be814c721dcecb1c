"""Which genes a patient's laboratory looked at: what was not assayed is not negative."""

import numpy as np

from hemapilots.harmonize.findings import Finding, Harmonized, everywhere
from hemapilots.harmonize.genetics.genes import known, symbol

__all__ = ["apply", "assayed"]


def apply(name: str, spec: dict, values: np.ndarray, panel: dict | None, panel_names: np.ndarray | None) -> Harmonized:
    """Values of a gene's variable, unknown where the gene was not assayed.

    name: the variable; spec: its entry with `gene`. values: float64. panel: the mapping's `panel`, or None where every gene was
    assayed; panel_names: object, each patient's value of its column. A delivered 0 outside the panel is no finding of a normal
    gene; a delivered mutation outside the panel is kept and flagged.
    """
    values = np.asarray(values, dtype=float).copy()
    if not panel or not spec.get("gene"):
        return Harmonized(values)
    outside = ~assayed(spec["gene"], panel, panel_names, len(values))
    positive, negative, blank = outside & (values > 0), outside & (values == 0), outside & np.isnan(values)
    values[outside & ~positive] = np.nan
    findings = []
    for status, reason, detail, which in (
        ("null", "not_assayed", "the gene is not in the panel", blank),
        ("null", "not_assayed", "delivered as negative, but the gene is not in the panel", negative),
        ("flagged", "contradiction", "delivered as mutated, but the gene is not in the panel", positive),
    ):
        if which.any():
            # A blank cell of a gene that nobody looked at holds for the whole column and has no raw text to list.
            findings.append(Finding(status, reason, detail, everywhere(which), which is blank))
    return Harmonized(values, findings)


def assayed(gene: str, panel: dict, panel_names: np.ndarray | None, rows: int) -> np.ndarray:
    """Per patient whether the gene is in the panel. A panel that the mapping does not list, or none, has no genes."""
    genes = panel["genes"]
    if not isinstance(genes, dict):
        return np.full(rows, _listed(gene, genes))
    if panel_names is None:
        return np.zeros(rows, dtype=bool)
    listed = {str(name).strip(): _listed(gene, of) for name, of in genes.items()}
    return np.array(
        [isinstance(name, str) and listed.get(name.strip(), False) for name in panel_names], dtype=bool
    ).reshape(rows)


def _listed(gene: str, genes) -> bool:
    wanted = _called(gene)
    names = {_called(str(name)) for name in genes}
    feature = known()[0].get(wanted)
    with_gene = feature is not None and feature.feature_of is not None and feature.assayed_with_gene
    return wanted in names or (with_gene and feature.feature_of in names)


def _called(gene: str) -> str:
    return symbol(gene) or gene.strip().upper()
