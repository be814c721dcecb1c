"""What tests of predictions for new patients share: the inputs of a small model, and its columns."""

ENCODING = [
    {"column": "age", "variable": "age", "type": "number"},
    {"column": "age_missing", "variable": "age", "type": "missing"},
    {"column": "stage_II", "variable": "stage", "type": "level", "level": "II"},
    {"column": "stage_III", "variable": "stage", "type": "level", "level": "III"},
    {"column": "ratio", "variable": "ratio", "type": "number"},
]
INPUTS = {
    "age": {"label": "Age", "type": "number", "unit": "a", "hard": [0, 110], "levels": []},
    "stage": {"label": "Stage", "type": "category", "unit": None, "hard": None, "levels": ["I", "II", "III"]},
    "albumin": {"label": "Albumin", "type": "number", "unit": "g/dL", "hard": [1, 7], "levels": []},
}


def ratio(expression: str, *reads: str) -> dict:
    """A derived input, by its expression and what it reads."""
    ratio = {"label": "Ratio", "type": "number", "unit": "1", "hard": None, "levels": []}
    return ratio | {"expression": expression, "reads": list(reads)}
