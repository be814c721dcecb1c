"""The candidate columns of the design, from the predictors of all models."""

from hemapilots.columns import column_specs

__all__ = ["design_columns"]


def design_columns(use_case: dict, models: dict) -> list[dict]:
    """The candidate columns of a design: {column, variable, type, level}; a 0/1 column per further level of a category, levels in
    order as 0, 1, 2 where `ordered`, and a 0/1 column `<variable>_missing` for each variable."""
    wanted = {variable for model in models.values() for variable in model["predictors"]}
    columns = []
    for name, variable in column_specs(use_case).items():
        if name in wanted:
            columns += _encoded(name, variable)
            columns.append({"column": f"{name}_missing", "variable": name, "type": "missing"})
    return columns


def _encoded(name: str, variable: dict) -> list[dict]:
    if variable["type"] != "category":
        return [{"column": name, "variable": name, "type": variable["type"]}]
    if variable.get("ordered"):
        return [{"column": name, "variable": name, "type": "ordered", "levels": variable["levels"]}]
    return [
        {"column": f"{name}_{level}", "variable": name, "type": "level", "level": level}
        for level in variable["levels"][1:]
    ]
