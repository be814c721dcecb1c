"""The shapes of the YAML files under config/: the one place where YAML becomes objects, and the only validator of a single file.

What holds between files (a mapping's variables are the use case's, a criterion's regime exists) is checked in `cross_checks`.
"""

from hemapilots.config.habits import Habits
from hemapilots.config.mapping import Mapping
from hemapilots.config.pilot import Pilot, PublicCohort, Settings
from hemapilots.config.protocol import Protocol
from hemapilots.config.shapes import nearest
from hemapilots.config.use_case import UseCase

__all__ = ["Habits", "Mapping", "Pilot", "Protocol", "PublicCohort", "Settings", "UseCase", "nearest"]
