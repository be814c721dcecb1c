"""Newton's method with robust standard errors: one more question, for the final model alone."""

import numpy as np
from flwr.serverapp import Grid

from hemapilots.federation.asking import send, summed
from hemapilots.federation.cards import CONDITIONAL
from hemapilots.federation.plan import Fitted
from hemapilots.federation.strategies.newton import Newton
from hemapilots.models.newton_steps import unpack_symmetric


class RobustNewton(Newton):
    """Standard errors from the sandwich I^-1 M I^-1, with M the sites' sums of squared score residuals (Lin and Wei 1989)."""

    def __init__(self, *args, grid: Grid, **kwargs):
        super().__init__(*args, **kwargs)
        self.grid = grid

    def covariance(self, fit: int) -> np.ndarray:
        """The sandwich (p, p), conditional on the penalty; 0 for constant columns."""
        asked = {"coefficients": self.coefficients[[fit]], "active": np.array([fit])}
        answer = summed(send(self.grid, asked, {"task": "score_squares", "ties": self.ties}))
        middle = unpack_symmetric(answer["squares"], self.usable.shape[1])[0]
        bread = np.linalg.inv(self.penalised(np.array([fit]))[0])
        return self.of_usable(fit, bread @ middle @ bread)

    def describe(self, fitted: Fitted) -> None:
        """As of Newton's method, and what kind of errors these are."""
        super().describe(fitted)
        fitted.more["standard_errors"] = (
            f"robust (sandwich), the censoring distribution treated as known; {CONDITIONAL}"
        )
