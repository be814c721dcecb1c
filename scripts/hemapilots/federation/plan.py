"""What a federation is to train, and what it has trained."""

from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

from hemapilots.models.data import Preprocessing
from hemapilots.models.registry import model_of
from hemapilots.models.training_sets import training_sets


@dataclass(frozen=True)
class Plan:
    """What is trained: columns (p) and which are 0/1, resampling, penalties (L,), ties, the protocol's time grid, kind of model.

    l1_ratios (L,), where given, is the share of each penalty that is on absolute values (elastic net); beside own_penalty it is (S,).
    own_penalty (S,), where given, is the one penalty of each training set, chosen before; `penalties` then has length 1.
    start (S, p), where given, beside own_penalty: the coefficients that Newton's method starts from, those of a fit of similar patients.
    settings: the model's own, fixed by the protocol; with `patience` its number of rounds is chosen inside the training folds.
    """

    columns: list[str]
    flags: np.ndarray
    replicates: int
    folds: int
    penalties: np.ndarray
    ties: str
    grid: np.ndarray
    own_penalty: np.ndarray | None = None
    kind: str = "cox"
    settings: dict = field(default_factory=dict)
    l1_ratios: np.ndarray | None = None
    start: np.ndarray | None = None

    @property
    def model(self) -> ModuleType:
        """The model's functions."""
        return model_of(self.kind)

    @property
    def sets(self) -> np.ndarray:
        """Training sets (S, 3); pairs of folds are needed only where there is something to choose."""
        return training_sets(self.replicates, self.folds, len(self.penalties) > 1 or "patience" in self.settings)

    @property
    def fit_set(self) -> np.ndarray:
        """Training set of each fit (S * L,)."""
        return np.repeat(np.arange(len(self.sets)), len(self.penalties))

    @property
    def fit_penalty(self) -> np.ndarray:
        """Penalty of each fit (S * L,)."""
        return np.tile(self.penalties, len(self.sets)) if self.own_penalty is None else self.own_penalty

    @property
    def fit_l1(self) -> np.ndarray:
        """Share of each fit's penalty on absolute values (S * L,)."""
        if self.l1_ratios is None:
            return np.zeros(self.fit_set.size)
        return np.tile(self.l1_ratios, len(self.sets)) if self.own_penalty is None else self.l1_ratios


@dataclass
class Fitted:
    """state: the model's arrays (S, L, ...); criterion (S, L) cross-validated log-likelihood; chosen (S,) index of the penalty.

    more: what the card says besides. rounds_kept (S,): the round whose state each training set keeps, where it was chosen.
    """

    plan: Plan
    preprocessing: Preprocessing
    state: dict[str, np.ndarray]
    chosen: np.ndarray
    criterion: np.ndarray
    rounds: int
    unconverged: int = 0
    standard_errors: np.ndarray | None = None
    covariance: np.ndarray | None = None
    loglik: float = float("nan")
    baseline: np.ndarray | None = None
    rounds_kept: np.ndarray | None = None
    more: dict = field(default_factory=dict)

    @property
    def coefficients(self) -> np.ndarray:
        """Of a linear model: (S, L, p) on standardised columns."""
        return self.state["coefficients"]
