"""A pilot resolved: its files read, checked against each other, every default filled in, and cut into what each stage needs.

Stages receive plain dictionaries; a stage's dictionary changes only when something that the stage uses has changed.
"""

from hemapilots.cross_checks import load_public
from hemapilots.study.design import design_columns
from hemapilots.study.resolve import asked_for, load_studies, load_study

__all__ = ["asked_for", "design_columns", "load_public", "load_studies", "load_study"]
