"""The primary model against every other regime, model and score: paired differences on the same patients."""

import numpy as np
import pandas as pd

from hemapilots.evaluation.measures import of_one_site, ranks_within_sites
from hemapilots.report.figures import Drawn, forest
from hemapilots.report.released import Released
from hemapilots.report.style import colour_of
from hemapilots.report.words import Labels, signed_interval

__all__ = ["difference_forest", "difference_text"]


def _differences(released: Released, endpoint: str, where: str = "all") -> pd.DataFrame:
    """The paired differences of the primary model and metric against every reference."""
    primary, rows = released.primary, released.comparisons
    chosen = (rows["endpoint"] == endpoint) & (rows["metric"] == primary["metric"]) & (rows["evaluated_on"] == where)
    chosen &= (rows["model"] == primary["model"]) & (rows["regime"] == primary["regime"])
    chosen &= ~rows["reference_regime"].str.contains("+", regex=False)
    if primary["horizon"] is not None:
        chosen &= np.isclose(rows["horizon"], primary["horizon"])
    return rows[chosen]


def difference_text(released: Released, endpoint: str, reference: tuple[str, str]) -> str:
    """The difference to a (model, regime) with its interval: over all pairs where rows may be pooled and one model ranks all patients,
    else within sites."""
    rows = _differences(released, endpoint)
    rows = rows[(rows["reference_model"] == reference[0]) & (rows["reference_regime"] == reference[1])]
    rows = rows.sort_values(
        "estimand", ascending=not ranks_within_sites(reference[1])
    )  # pooled before within-site, or after it
    return signed_interval(*rows.iloc[0][["difference", "lower", "upper"]]) if len(rows) else ""


def difference_forest(released: Released, labels: Labels, endpoint: str) -> Drawn:
    """The primary model minus each reference, on the same patients: over all pairs (filled) and within sites (hollow)."""
    found = _differences(released, endpoint)
    found = found[found["difference"].notna() | (found["reference_model"] != "score")]
    if released.many_sites:
        found = found[~found["reference_regime"].map(of_one_site)]
    estimands = ["pooled", "within-site"] if (found["estimand"] == "pooled").any() else ["within-site"]
    rows, primary = [], released.primary
    groups = (("Same model", primary["model"]), ("Clinical scores", "score"), ("Other models", None))
    for heading, model in groups:
        inside = (
            found["reference_model"].eq(model) if model else ~found["reference_model"].isin([primary["model"], "score"])
        )
        references = sorted(
            set(found.loc[inside, ["reference_model", "reference_regime"]].itertuples(index=False, name=None)),
            key=lambda pair: (of_one_site(pair[1]), pair[1] == "local/own", pair),
        )
        rows += [{"label": heading, "heading": True}] if references else []
        for reference in references:
            mine = found[
                (found["reference_model"] == reference[0]) & (found["reference_regime"] == reference[1])
            ].set_index("estimand")
            figures = [
                tuple(mine.loc[name, ["difference", "lower", "upper"]]) if name in mine.index else (np.nan,) * 3
                for name in (["within-site"] if ranks_within_sites(reference[1]) else estimands)
            ]
            hollow = estimands[:1] == ["pooled"] and ranks_within_sites(reference[1])
            colour, marker = colour_of(reference[1])
            label = reference[0] if model is None else labels.regime(reference[1])
            row = dict(zip(("estimate", "lower", "upper"), (np.nan,) * 3 if hollow else figures[0], strict=True)) | {
                "label": label,
                "text": signed_interval(*figures[0]),
            }
            rows.append(
                row | {"colour": colour, "marker": marker, "second": figures[-1] if hollow or figures[1:] else None}
            )
    margins = [one["margin"] for one in released.protocol["protocol"]["criteria"] if one["test"] == "non_inferior"]
    title = f"{labels.endpoint(endpoint)}: paired differences in {labels.metric(primary['metric'])}"
    axis = "Difference (right of 0: primary model better)"
    return forest(
        rows,
        f"differences_{endpoint}",
        title,
        axis,
        0.0,
        -margins[0] if margins else None,
        "Difference (95 % interval)",
    )
