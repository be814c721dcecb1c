"""Prognostic scores, evaluated from the tables of resources/scores/."""

from hemapilots.scores.evaluate import evaluate, terms

__all__ = ["evaluate", "terms"]
