"""Bootstrap of patients as multiplicities: how often each patient stands in each resample."""

import numpy as np

__all__ = ["bootstrap_weights"]


def bootstrap_weights(strata: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """Multiplicities (samples + 1, n), float64: row 0 all ones, the others drawn with replacement in strata.

    `strata` (n,) or (n, columns): patients with equal entries form a stratum; every resample keeps its size.
    Evaluation takes site x fold of the first replicate: the same patients serve all replicates while folds
    differ between them, so only one replicate's folds can be kept fixed. The result depends on the order of
    patients, the strata and the seed, and on nothing else.
    """
    strata = np.asarray(strata)
    codes = np.unique(strata, axis=0, return_inverse=True)[1].reshape(len(strata))
    generator = np.random.default_rng([seed])
    weights = np.ones((samples + 1, len(codes)))
    for code in range(codes.max(initial=-1) + 1):
        members = np.flatnonzero(codes == code)
        size = len(members)
        weights[1:, members] = generator.multinomial(size, np.full(size, 1 / size), size=samples)
    return weights
