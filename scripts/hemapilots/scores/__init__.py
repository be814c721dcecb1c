"""Prognostic scores, evaluated from the tables of resources/scores/."""

from hemapilots.scores.evaluate import evaluate
from hemapilots.scores.tables import load_scores

__all__ = ["evaluate", "load_scores"]
