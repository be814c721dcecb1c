"""Synthetic cohorts with a known truth: from recipes to the extracts that sites would deliver."""
