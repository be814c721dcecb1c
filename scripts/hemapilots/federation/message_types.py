"""Every type of message that may leave a site: its fields, and what it reveals."""

from dataclasses import dataclass

MAXIMUM_BYTES = 1 << 30


@dataclass(frozen=True)
class MessageType:
    """fields: the only arrays it may carry. supported: its values are sums or estimates over patients, so the support rule applies.

    exact: it carries values of single patients (times, risk-set sums) and is refused where the gate is enforced. may_end: it holds a
    baseline, which is missing where follow-up has ended; in all others a value that is not finite is refused.
    """

    fields: tuple[str, ...]
    supported: bool = True
    exact: bool = False
    may_end: bool = False


MESSAGE_TYPES = {
    "moments": MessageType(("patients", "events", "observed", "sums", "squares")),
    "median_counts": MessageType(("counts",)),
    "agreed": MessageType(("ready",), supported=False),
    "newton_statistics": MessageType(("loglik", "gradient", "information")),
    "descent": MessageType(("coefficients",)),
    "likelihoods": MessageType(("loglik",)),
    "baselines": MessageType(("baseline",), may_end=True),
    "death_counts": MessageType(("times",), exact=True),
    "risk_sums": MessageType(("s0", "d0", "deaths", "eta", "s1", "d1", "x"), exact=True),
    "weighted_squares": MessageType(("information",)),
    # Files that a site releases; their small cells are suppressed where they are made.
    "support": MessageType(("support",), supported=False),
    "quality": MessageType(("quality",), supported=False),
    "site_metrics": MessageType(("site_metrics",), supported=False),
    "site_counts": MessageType(("site_counts",), supported=False),
    "curves": MessageType(("curves",), supported=False),
    "local_model": MessageType(("arrays",), may_end=True),
}
