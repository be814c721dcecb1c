"""Every type of message that may leave a site: its fields with their shapes, and what an enforced gate makes of it."""

from dataclasses import dataclass

MAXIMUM_BYTES = 1 << 30

# Dimensions of a field: S training sets, F fits asked for, P pairs asked for, p columns, m parameters, t = p(p+1)/2, c columns asked for,
# b trees, n nodes, k their parts, h bins, l leaves, D death times, T times of the grid, 1 a single number; `text` is a file.
TEXT = "text"
SINGLE_PATIENTS = "values of single patients"
# Of a coefficient that changes with time, for each transform of time.
TIME_TERMS = {"gradient": "Fp", "shared": "Ft", "information": "Ft"}


@dataclass(frozen=True)
class MessageType:
    """fields: the only arrays it carries, all of them. supported: its values stand on patients, so the support rule applies.

    refused: why an enforced gate never lets it pass, whatever its support. may_end: it holds a baseline, which is missing where
    follow-up has ended; in all others a value that is not finite is refused. quality: a quality record, of which every key, text and
    count is checked (`quality.schema`); of other files the gate knows the type and the size only.
    """

    fields: dict[str, str]
    supported: bool = True
    refused: str | None = None
    may_end: bool = False
    quality: bool = False


MESSAGE_TYPES = {
    "moments": MessageType(
        {"patients": "S", "events": "S", "observed": "Sp", "sums": "Sp", "squares": "Sp", "examples": "1"}
    ),
    "median_counts": MessageType({"counts": "Sc", "examples": "1"}),
    "agreed": MessageType({"ready": "1", "examples": "1"}),
    "newton_statistics": MessageType({"loglik": "F", "gradient": "Fp", "information": "Ft", "examples": "1"}),
    "score_squares": MessageType({"squares": "Ft", "examples": "1"}),
    "descent": MessageType({"coefficients": "Fp", "examples": "F"}),
    "local_training": MessageType({"parameters": "Fm", "examples": "F"}),
    "controlled_descent": MessageType({"coefficients": "Fp", "control": "Fp", "examples": "F"}),
    "controlled_training": MessageType({"parameters": "Fm", "control": "Fm", "examples": "F"}),
    "training_sizes": MessageType({"examples": "F"}),
    "grow": MessageType({"nodes": "Fbnk", "leaves": "FblT", "examples": "1"}),
    "bin_sums": MessageType(
        {"sums": "Fnphk", "examples": "1"}, refused="sums over the patients of a bin, of whom there may be one"
    ),
    "local_fit": MessageType({"weighted": "Fp", "information": "Ft", "unconverged": "F", "examples": "1"}),
    "surrogate": MessageType({"coefficients": "Fp", "unconverged": "F", "examples": "1"}),
    "proportionality": MessageType(
        {"gradient": "Fp", "information": "Ft", "examples": "1"}
        | {f"{what}_{g}": shape for what, shape in TIME_TERMS.items() for g in ("time", "log")}
    ),
    "likelihoods": MessageType({"loglik": "P", "examples": "1"}),
    "baselines": MessageType(
        {"baseline": "FT", "examples": "1"}, refused="a site's baseline hazard never leaves it", may_end=True
    ),
    "death_counts": MessageType({"times": "D", "examples": "1"}, refused=SINGLE_PATIENTS),
    "risk_sums": MessageType(
        {"s0": "FD", "d0": "FD", "deaths": "FD", "eta": "F", "s1": "FDp", "d1": "FDp", "x": "Fp", "examples": "1"},
        refused=SINGLE_PATIENTS,
    ),
    "weighted_squares": MessageType({"information": "Ft", "examples": "1"}, refused=SINGLE_PATIENTS),
    # Files that a site releases; their small cells are suppressed where they are made.
    "support": MessageType({"support": TEXT}, supported=False),
    "quality": MessageType({"quality": TEXT}, supported=False, quality=True),
    "site_metrics": MessageType({"site_metrics": TEXT}, supported=False),
    "site_counts": MessageType({"site_counts": TEXT}, supported=False),
    "curves": MessageType({"curves": TEXT}, supported=False),
    "histograms": MessageType({"histograms": TEXT}, supported=False),
    "calibration": MessageType({"calibration": TEXT}, supported=False),
    "reclassification": MessageType({"reclassification": TEXT}, supported=False),
    "distributions": MessageType({"distributions": TEXT}, supported=False),
    "log_rank": MessageType({"log_rank": TEXT}, supported=False),
    "sensitivity": MessageType({"sensitivity": TEXT}, supported=False),
    "importance": MessageType({"importance": TEXT}, supported=False),
    "survshap": MessageType({"survshap": TEXT}, supported=False),
    "worked_patient": MessageType(
        {"worked_patient": TEXT},
        supported=False,
        refused="a risk under the site's baseline hazard tells it; it stays there",
    ),
    "recurrent": MessageType({"recurrent": TEXT}, supported=False),
    "local_model": MessageType(
        {"arrays": "N", "card": TEXT}, refused="a local model reveals its site; it stays there", may_end=True
    ),
}
