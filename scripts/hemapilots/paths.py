"""Where the tables that come with the project lie."""

from pathlib import Path

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
