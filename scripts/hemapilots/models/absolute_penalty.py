"""The step of a proximal Newton method under a penalty on absolute values: coordinate descent, made exact on the coefficients it keeps.

Simon, Friedman, Hastie and Tibshirani (2011); here the whole information matrix is used, and many fits are solved side by side.
"""

import numpy as np

__all__ = ["shrunken_step"]

SWEEPS, PASSES = 5, 400


def shrunken_step(information: np.ndarray, slope: np.ndarray, start: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """d (F, p) that minimises d'Ad/2 - slope'd + weight |start + d|, for A (F, p, p) positive definite and weights (F,).

    After every few sweeps the coefficients that are not 0 are solved for at once; a fit is done where they keep their signs and no other
    one wants to move, so the result is exact.
    """
    found, constant = start.copy(), slope + np.einsum("fij,fj->fi", information, start)
    waiting = np.arange(len(start))
    for _ in range(PASSES):
        a, c, w = information[waiting], constant[waiting], weight[waiting, None]
        b = _swept(a, c, found[waiting], w)
        exact, done = _solved(a, c, b, w)
        found[waiting] = np.where(done[:, None], exact, b)
        waiting = waiting[~done]
        if waiting.size == 0:
            break
    return found - start


def _swept(a: np.ndarray, c: np.ndarray, b: np.ndarray, w: np.ndarray) -> np.ndarray:
    """b (F, p) after sweeps of coordinate descent on b'Ab/2 - c'b + w |b|."""
    b = b.copy()
    rest = c - np.einsum("fij,fj->fi", a, b)
    for _ in range(SWEEPS):
        for j in range(b.shape[1]):
            own = a[:, j, j]
            wanted = rest[:, j] + own * b[:, j]
            shrunk = np.sign(wanted) * np.maximum(np.abs(wanted) - w[:, 0], 0.0)
            # A column that differs between sites only, or only where nobody dies, tells nothing: the penalty alone decides.
            new = np.divide(shrunk, own, out=np.zeros_like(own), where=own > 0)
            rest -= a[:, :, j] * (new - b[:, j])[:, None]
            b[:, j] = new
    return b


def _solved(a: np.ndarray, c: np.ndarray, b: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The minimum (F, p) on the coefficients that are not 0, and of which fits (F,) it is the minimum over all of them."""
    kept, sign = b != 0, np.sign(b)
    matrix = np.where(kept[:, :, None] & kept[:, None, :], a, 0.0) + np.eye(b.shape[1]) * ~kept[:, None, :]
    exact = _solution(matrix, np.where(kept, c - w * sign, 0.0))
    pull = c - np.einsum("fij,fj->fi", a, exact)
    # Of collinear columns the solution may be none, or so large that rounding is all of it.
    stands = (np.sign(exact) == sign) & (np.abs(pull - w * sign) <= 1e-9 * (w + np.abs(c)))
    still = np.where(kept, stands, np.abs(pull) <= w * (1 + 1e-12) + 1e-12)
    return exact, still.all(axis=1)


def _solution(matrices: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solutions (F, p); of collinear columns, which without a squared penalty share their effect as they like, the shortest."""
    try:
        return np.linalg.solve(matrices, right[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        return np.einsum("fij,fj->fi", np.linalg.pinv(matrices, rcond=1e-10, hermitian=True), right)
