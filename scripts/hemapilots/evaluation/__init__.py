"""Out-of-fold predictions and outcomes in, metrics with intervals, paired comparisons and a verdict out.

One idea carries the package: a metric is computed for a batch of patient weights W of shape (samples + 1, n)
at once. Row 0 is all ones and gives the estimate, the other rows are bootstrap multiplicities. Every regime
meets the same W, so paired differences are differences of rows.
"""

from hemapilots.evaluation.combine import combine, within_site
from hemapilots.evaluation.concordance import concordance
from hemapilots.evaluation.frames import write_metrics
from hemapilots.evaluation.pooled import evaluate_pooled
from hemapilots.evaluation.site import evaluate_site
from hemapilots.evaluation.verdict import verdict

__all__ = [
    "combine",
    "concordance",
    "evaluate_pooled",
    "evaluate_site",
    "verdict",
    "within_site",
    "write_metrics",
]
