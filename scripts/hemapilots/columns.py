"""The columns of a harmonized table that describe patients."""

__all__ = ["column_specs"]


def column_specs(use_case: dict) -> dict[str, dict]:
    """Variables, derived variables and the columns of computed scores by name, each with label, type, unit and levels.

    use_case: resolved. Dates and karyotypes are among them, though they are not kept.
    """
    return {
        **use_case["variables"],
        **(use_case.get("derived") or {}),
        **(use_case.get("computed") or {}),
    }
