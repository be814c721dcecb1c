"""Federated survival studies of rare blood disorders: from hospital extracts to a verdict."""

import os

# One thread of linear algebra: sums are then formed in the same order on every number of cores. Must precede numpy.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

__version__ = "0.1.0"
