"""Which panel each patient was sequenced with, where the source tells it in a column."""

import numpy as np

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.genetics.panel import assayed
from hemapilots.synthesis.extracts.source import Source

__all__ = ["panel_names"]


def panel_names(source: Source) -> np.ndarray:
    """The name of each patient's panel: the first whose genes are just those that are known of the patient.

    Raises HemaPilotsError where there is none.
    """
    genes = {
        name: spec["gene"]
        for name, spec in source.use_case["variables"].items()
        if spec.get("gene") and name in source.clean and name not in source.mapping["variables"]
    }
    known = source.clean[list(genes)].notna().to_numpy()
    names = np.full(len(known), None, dtype=object)
    for panel, listed in source.mapping["panel"]["genes"].items():
        holds = np.array([assayed(gene, {"genes": listed}, None, 1)[0] for gene in genes.values()], dtype=bool)
        names[(known == holds).all(axis=1) & np.equal(names, None)] = panel
    if np.equal(names, None).any():
        odd = np.flatnonzero(np.equal(names, None))[0]
        shown = ", ".join(name for name, has in zip(genes, known[odd], strict=True) if has) or "none"
        raise HemaPilotsError(
            f"{source.where}, panel.genes: no panel holds just the genes known of a patient ({shown}); add it"
        )
    return names
