"""From raw text to the use case's variables in canonical units, with every doubt listed."""

from hemapilots.harmonize.endpoints import endpoint_counts
from hemapilots.harmonize.engine import harmonize
from hemapilots.harmonize.units import load_factors

__all__ = ["endpoint_counts", "harmonize", "load_factors"]
